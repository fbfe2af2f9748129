use vitrine_gpu::{Buffer, Usage};
use vitrine_kernels::stride;

use super::Loader;
use crate::ModelError;
use crate::source::ByteSource;

/// A vector of f32 on the GPU: the weights of a norm, a bias.
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
    /// Summands, for LayerNorm.
    pub bias: Option<Vector>,
}

impl NormWeights {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.weight.bytes() + self.bias.as_ref().map_or(0, Vector::bytes)
    }
}

impl<S: ByteSource> Loader<'_, S> {
    /// Loads the vector `name` of `n` values, and adds `offset` to each.
    pub(super) async fn vector(
        &mut self,
        name: &str,
        n: u32,
        offset: f32,
    ) -> Result<Vector, ModelError> {
        let mut values = self.values(name, n).await?;
        for value in &mut values {
            *value += offset;
        }
        // Kernels read it in whole blocks, and as a uniform.
        let bytes = u64::from(stride(n)) * 4;
        let buffer = self.gpu.buffer(name, bytes, Usage::Work)?;
        self.gpu.write(&buffer, 0, bytemuck::cast_slice(&values));
        self.wrote(u64::from(n) * 4).await?;
        Ok(Vector { buffer })
    }

    /// The `n` numbers of a vector.
    pub(super) async fn values(&mut self, name: &str, n: u32) -> Result<Vec<f32>, ModelError> {
        let (values, bytes) = self.origin.vector(name, n).await?;
        self.advance(bytes);
        Ok(values)
    }
}
