use vitrine_gpu::Buffer;

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
