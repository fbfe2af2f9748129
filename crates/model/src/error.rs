use vitrine_gpu::GpuError;

use crate::source::SourceError;

/// What can be wrong with a model file or with a request to a model. Each message is one sentence
/// with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A setting of sampling.
    #[error(transparent)]
    Sampling(#[from] vitrine_sampling::ParamsError),
    /// Not a GGUF file.
    #[error("This is not a GGUF file (it does not begin with \"GGUF\"): choose a .gguf file.")]
    NotGguf,
    /// A version that we do not read.
    #[error("This GGUF file has version {0}, but versions 2 and 3 are read: convert it again.")]
    GgufVersion(u32),
    /// The file ends too early.
    #[error("The model file is truncated: {0}. Download it again.")]
    Truncated(SourceError),
    /// One of several files ends too early.
    #[error("The file {name} is truncated: {error}. Download it again.")]
    TruncatedPart {
        /// Its name.
        name: String,
        /// Where it ends.
        error: SourceError,
    },
    /// Activations were to be packed for weights that are all floats.
    #[error(
        "No weights of this model are quantised, and only those are multiplied by activations in \
         bytes: load it without them, or quantise its weights too."
    )]
    NothingToPack,
    /// The storage failed.
    #[error("The model file could not be read: {0}.")]
    Storage(String),
    /// The file's directory makes no sense.
    #[error("The model file is damaged: {0}. Download it again.")]
    Damaged(String),
    /// An architecture that we do not know.
    #[error("The architecture \"{name}\" is not supported; supported: {supported}.")]
    UnknownArchitecture {
        /// The file's architecture.
        name: String,
        /// Ours.
        supported: String,
    },
    /// A setting that would change the result and is not supported.
    #[error("The model file asks for {0}, which is not supported yet: choose another model.")]
    Unsupported(String),
    /// The file lacks something.
    #[error("The model file has no {0}: it is incomplete, or not a language model.")]
    Missing(String),
    /// A number format of the KV cache that the model's heads do not fit.
    #[error(
        "A KV cache of this number format takes heads of a multiple of {multiple} values, not of {head_dim}: choose another one."
    )]
    KvDtype {
        /// Values of the model's heads.
        head_dim: u32,
        /// What must divide them.
        multiple: u32,
    },
    /// Nothing that could be a model.
    #[error(
        "There is no model here: give a .gguf file, or a folder with config.json and safetensors."
    )]
    NoModel,
    /// A file or folder that cannot be opened.
    #[error("{path} cannot be opened: {reason}; check the path.")]
    Open {
        /// Which.
        path: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// An adapter and no model.
    #[error(
        "This is an adapter (LoRA), not a whole model: merge it into its base model with \
         merge_and_unload of the Python package peft, and save that."
    )]
    Adapter,
    /// Weights in a format that we do not read.
    #[error(
        "The weights are in {0}, which is not read because such files can run programs: save them \
         as safetensors with save_pretrained of transformers."
    )]
    PickledWeights(String),
    /// Some of several files of weights are not there.
    #[error("The model has no {0}, which its other files say belongs to it: download it again.")]
    MissingShard(String),
    /// More than one.
    #[error("There are several models here ({0}): name one of the files.")]
    SeveralModels(String),
    /// A tensor has another shape than the configuration says.
    #[error("The tensor {name} has shape {found:?} instead of {wanted:?}: the file is damaged.")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape, rows first.
        found: Vec<u64>,
        /// The shape by the configuration.
        wanted: Vec<u64>,
    },
    /// Nothing to continue.
    #[error("The prompt is empty: give at least one token.")]
    EmptyPrompt,
    /// Too many tokens.
    #[error(
        "The prompt has {tokens} tokens, but the context holds {context}: shorten it, or take a model \
         with a longer context."
    )]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Tokens that fit.
        context: u32,
    },
    /// A sequence that was ended.
    #[error("This sequence has ended: start it again.")]
    NoSuchSequence,
    /// More sequences than fit.
    #[error("There are {most} sequences already: end one of them first.")]
    TooManySequences {
        /// How many fit.
        most: u32,
    },
    /// A sequence that a step names twice.
    #[error("A step can take each sequence once: do not name one twice.")]
    NamedTwice,
    /// A place that a sequence does not have.
    #[error("The sequence has {positions} positions: take one of 0 … {positions}, not {position}.")]
    NoSuchPosition {
        /// The place.
        position: u32,
        /// Positions that there are.
        positions: u32,
    },
    /// A token id outside the vocabulary.
    #[error("The token id {id} is not in the vocabulary of {vocab} ids (0 … {}).", vocab - 1)]
    UnknownToken {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab: u32,
    },
    /// A tap's name that means nothing.
    #[error("There is no tap \"{name}\": choose among {known}, with a layer as in attentions.3.")]
    UnknownTap {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A tap of a layer that the model does not have.
    #[error("There is no tap \"{tap}\" in this model: its last number is {last}.")]
    NoSuchTap {
        /// What was asked for.
        tap: String,
        /// The last layer that has one.
        last: u32,
    },
    /// A layer that the model does not have.
    #[error("There is no layer {layer}: this model has layers 0 to {last}.")]
    NoSuchLayer {
        /// What was asked for.
        layer: u32,
        /// The last layer.
        last: u32,
    },
    /// A head that the model does not have.
    #[error("There is no head {head}: the layers of this model have heads 0 to {last}.")]
    NoSuchHead {
        /// What was asked for.
        head: u32,
        /// The last head.
        last: u32,
    },
    /// Too few or too many numbers.
    #[error("An intervention brings {found} numbers where {wanted} are needed: check its shape.")]
    ChangeSize {
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// Numbers that are none.
    #[error("An intervention brings numbers that are not finite: check where they come from.")]
    ChangeNotFinite,
    /// The logits are not numbers.
    #[error(
        "The model produced logits that are not finite: the file is damaged, or the GPU driver \
         computes wrongly; try another adapter."
    )]
    NotFinite,
    /// The GPU.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

impl ModelError {
    /// The same error, where it is about one of several files.
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

impl From<SourceError> for ModelError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Truncated { .. } => Self::Truncated(error),
            SourceError::Storage(reason) => Self::Storage(reason),
        }
    }
}
