use crate::source::SourceError;

/// An error of a model's files. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Not a GGUF file.
    #[error("This is not a GGUF file (it does not begin with \"GGUF\"): choose a .gguf file.")]
    NotGguf,
    /// A GGUF version that is not supported.
    #[error(
        "This GGUF file has version {0}, but only versions 2 and 3 can be read: convert it again."
    )]
    GgufVersion(u32),
    /// The file ends too early.
    #[error("The model file is truncated: {0}. Download it again.")]
    Truncated(SourceError),
    /// One of several files ends too early.
    #[error("The file {name} is truncated: {error}. Download it again.")]
    TruncatedPart {
        /// The file's name.
        name: String,
        /// Where it ends.
        error: SourceError,
    },
    /// The storage failed.
    #[error("The model file could not be read: {0}.")]
    Storage(String),
    /// The file's header or contents are inconsistent.
    #[error("The model file is damaged: {0}. Download it again.")]
    Damaged(String),
    /// An architecture that is not supported.
    #[error("The architecture \"{name}\" is not supported; supported: {supported}.")]
    UnknownArchitecture {
        /// The file's architecture.
        name: String,
        /// The supported ones.
        supported: String,
    },
    /// A setting that would change the result and is not supported.
    #[error("The model file uses {0}, which is not supported yet: choose another model.")]
    Unsupported(String),
    /// Something is missing from the file.
    #[error("The model file has no {0}: it is incomplete, or not a language model.")]
    Missing(String),
    /// A data type of the KV cache that does not fit the model's head dimension.
    #[error(
        "A KV cache of this data type needs a head dimension that is a multiple of {multiple}, \
         and this model's is {head_dim}: choose another type."
    )]
    KvDtype {
        /// The model's head dimension.
        head_dim: u32,
        /// The required divisor.
        multiple: u32,
    },
    /// There are no model files.
    #[error(
        "There is no model here: give a .gguf file, or a folder with config.json and safetensors."
    )]
    NoModel,
    /// A file or folder that cannot be opened.
    #[error("{path} cannot be opened: {reason}; check the path.")]
    Open {
        /// The file or folder.
        path: String,
        /// The system's error.
        reason: std::io::Error,
    },
    /// A LoRA adapter instead of a model.
    #[error(
        "This is an adapter (LoRA), not a whole model: merge it into its base model with \
         merge_and_unload of the Python package peft, and save that."
    )]
    Adapter,
    /// Weights in Python's pickle format.
    #[error(
        "The weights are in {0}, a pickle file, which is not loaded because it can run code: save \
         the model as safetensors with save_pretrained of transformers."
    )]
    PickledWeights(String),
    /// One of several weight files is missing.
    #[error("The shard {0} of the model is missing: download the model again.")]
    MissingShard(String),
    /// A part of a split GGUF file is missing.
    #[error(
        "The part {name} of this model, which is split into {count} files, is missing: put all parts in one folder, \
         under their own names."
    )]
    MissingPart {
        /// The missing file.
        name: String,
        /// The number of parts.
        count: u32,
    },
    /// A part of a split GGUF file by itself.
    #[error(
        "This file is part {part} of a model that is split into {count} files: put all parts in one folder, under \
         the names that they had (…-00001-of-{count:05}.gguf)."
    )]
    OnePart {
        /// Its number, from 1.
        part: u64,
        /// The number of parts.
        count: u64,
    },
    /// A GGUF file in the other byte order.
    #[error(
        "This GGUF file is big-endian (the other byte order): convert the model again for a little-endian machine."
    )]
    BigEndian,
    /// A GGUF file of another kind.
    #[error("This GGUF file is {0}, not a language model: choose the file of the model itself.")]
    OtherKind(String),
    /// More than one model.
    #[error("There are several models here ({0}): name one of the files.")]
    SeveralModels(String),
    /// A tensor whose shape differs from the configuration.
    #[error("The tensor {name} has shape {found:?} instead of {wanted:?}: the file is damaged.")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape, rows first.
        found: Vec<u64>,
        /// The shape that the configuration implies.
        wanted: Vec<u64>,
    },
}

impl CheckpointError {
    /// Adds the file's name to errors about one of several files.
    pub(crate) fn of_file(self, name: &str) -> Self {
        match self {
            Self::Truncated(error) => Self::TruncatedPart {
                name: name.to_owned(),
                error,
            },
            other => other,
        }
    }
}

impl From<SourceError> for CheckpointError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Truncated { .. } => Self::Truncated(error),
            SourceError::Storage(reason) => Self::Storage(reason),
        }
    }
}
