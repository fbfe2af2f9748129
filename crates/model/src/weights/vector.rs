use vitrine_gpu::{Buffer, Usage};

use super::Loader;
use crate::ModelError;
use crate::source::ByteSource;

/// A vector of f32 on the GPU: the weights of a norm.
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

impl<S: ByteSource> Loader<'_, S> {
    /// Loads the vector `name` of `n` values.
    pub(super) async fn vector(&mut self, name: &str, n: u32) -> Result<Vector, ModelError> {
        let info = self.tensor(name, &[u64::from(n)])?;
        let range = info.offset..info.offset + info.bytes;
        let values = info
            .ggml_type()?
            .dequantize(&self.source.read(range.clone()).await?);
        let buffer = self.gpu.buffer(name, u64::from(n) * 4, Usage::Input)?;
        self.gpu.write(&buffer, 0, bytemuck::cast_slice(&values));
        self.advance(range.end - range.start);
        Ok(Vector { buffer })
    }
}
