use vitrine_gpu::Buffer;

use super::matrix::Matrix;
use super::vector::Vector;

/// y = W x + b.
pub struct Linear {
    /// W.
    pub matrix: Matrix,
    /// b, one f32 per (padded) row of W.
    pub bias: Option<Vector>,
}

impl Linear {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.matrix.bytes() + self.bias.as_ref().map_or(0, Vector::bytes)
    }

    /// The bias as a binding.
    #[must_use]
    pub fn bias_buffer(&self) -> Option<&Buffer> {
        self.bias.as_ref().map(|bias| &bias.buffer)
    }
}
