use vitrine_checkpoint::architecture::Names;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{Checkpoint, CheckpointError, Config, TensorInfo};

use crate::ModelError;
use crate::synthesize::RandomBits;

/// The source of weights.
pub enum Origin<'a, S> {
    /// A model's files.
    Files(&'a Checkpoint<'a, S>),
    /// A generator of random weights.
    Random {
        /// The generator.
        bits: RandomBits,
        /// The type that their tensors would have on disk.
        on_disk: GgmlType,
    },
}

impl<'a, S: ByteSource> Origin<'a, S> {
    /// The names of its tensors.
    pub fn names(&self, config: &Config) -> &'static Names {
        match self {
            Self::Files(checkpoint) => checkpoint.names(),
            Self::Random { .. } => config.architecture.names(),
        }
    }

    /// The prefix of all names but the output head's.
    pub fn prefix(&self) -> &'static str {
        match self {
            Self::Files(checkpoint) => checkpoint.prefix(),
            Self::Random { .. } => "",
        }
    }

    /// Whether rows of queries and keys are in llama.cpp's interleaved order.
    pub fn interleaves_heads(&self) -> bool {
        matches!(self, Self::Files(checkpoint) if checkpoint.interleaves_heads())
    }

    /// The type of tensors without a file.
    pub fn invented_type(&self) -> GgmlType {
        match self {
            Self::Random { on_disk, .. } => *on_disk,
            Self::Files(_) => GgmlType::F16,
        }
    }

    /// The tensor `name`, which must have this shape, and its file; `None` for random weights.
    pub fn tensor(
        &self,
        name: &str,
        shape: &[u64],
    ) -> Result<Option<(&'a S, TensorInfo)>, ModelError> {
        let Self::Files(checkpoint) = self else {
            return Ok(None);
        };
        let info = checkpoint.tensor(name);
        let info = info.ok_or_else(|| CheckpointError::Missing(format!("tensor {name}")))?;
        if info.shape != shape {
            return Err(CheckpointError::Shape {
                name: name.to_owned(),
                found: info.shape.clone(),
                wanted: shape.to_vec(),
            }
            .into());
        }
        Ok(Some((checkpoint.source(info), info.clone())))
    }
}
