use vitrine_checkpoint::source::ByteSource;
use vitrine_gpu::{Buffer, Usage};
use vitrine_kernels::stride;

use super::WeightAllocator;
use super::matrix::Piece;
use super::upload::{PendingUpload, Values};
use crate::ModelError;

/// A vector of f32 on the GPU: the weights of a norm, or a bias.
pub struct Vector {
    /// Its values.
    pub buffer: Buffer,
}

impl Vector {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.buffer.size()
    }
}

/// The weights of a norm.
pub struct NormWeights {
    /// Factors.
    pub weight: Vector,
    /// The bias of a LayerNorm.
    pub bias: Option<Vector>,
}

impl NormWeights {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.weight.bytes() + self.bias.as_ref().map_or(0, Vector::bytes)
    }
}

impl<S: ByteSource> WeightAllocator<'_, '_, S> {
    /// Allocates the vector `name` of `n` values; `offset` is added to each.
    pub(super) fn vector(&mut self, name: &str, n: u32, offset: f32) -> Result<Vector, ModelError> {
        // Kernels read whole blocks of it, and bind it as a uniform.
        let bytes = u64::from(stride(n)) * 4;
        let buffer = self.gpu.buffer(name, bytes, Usage::Work)?;
        self.fills.push(PendingUpload::Values(Values {
            buffer: buffer.clone(),
            tensor: self.origin.tensor(name, &[u64::from(n)])?,
            rows: Piece::whole(name, n),
            to: 0,
            otherwise: if name.ends_with(".bias") { 0.0 } else { 1.0 },
            offset,
        }));
        Ok(Vector { buffer })
    }
}
