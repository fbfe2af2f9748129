/// How a head lies in the KV cache (`shaders/common/kv_cache.wgsl`): as pairs of dimensions, those
/// that turn together first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLayout {
    /// Values per head; even.
    pub head_dim: u32,
    /// Pairs that turn; 0 where positions are not rotary, head_dim / 2 where all do.
    pub rope_pairs: u32,
    /// Number format of keys and values.
    pub dtype: CacheType,
}

/// Number format of keys and values in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheType {
    /// 32-bit floats.
    #[default]
    F32,
    /// 16-bit floats.
    F16,
}

impl CacheType {
    /// Bytes per number.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
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

    pub(crate) fn flags(&self) -> Vec<&'static str> {
        match self.dtype {
            CacheType::F32 => vec![],
            CacheType::F16 => vec!["KV_F16"],
        }
    }
}
