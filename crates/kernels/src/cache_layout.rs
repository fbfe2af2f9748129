/// How a head lies in the KV cache (`shaders/common/kv_cache.wgsl`): as pairs of dimensions, those
/// that turn together first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLayout {
    /// Values per head; even.
    pub head_dim: u32,
    /// Pairs that turn; 0 where positions are not rotary, head_dim / 2 where all do.
    pub rope_pairs: u32,
}

impl CacheLayout {
    /// The dimensions of pair `i` of a head.
    #[must_use]
    pub fn pair_dims(&self, i: u32) -> [u32; 2] {
        if i < self.rope_pairs {
            [i, i + self.rope_pairs]
        } else {
            [2 * i, 2 * i + 1]
        }
    }
}
