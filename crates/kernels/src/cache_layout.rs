use vitrine_gpu::Constant;

use crate::Dtype;

/// Number format of keys and values in the KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvDtype {
    /// 32-bit floats.
    F32,
    /// 16-bit floats, two to a word.
    F16,
    /// Signed bytes, four to a word, with one 32-bit scale for each head and position: a 127th of the
    /// largest absolute value. llama.cpp's `--cache-type-k q8_0` has a 16-bit scale for every 32 values;
    /// one for all is a single load and product per key, outside the sum over its dimensions, and takes
    /// no more room from 64 dimensions on.
    Q8,
}

impl From<Dtype> for KvDtype {
    /// As activations are.
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
        }
    }
}

impl KvDtype {
    /// Bytes of each value.
    #[must_use]
    pub fn value_bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::Q8 => 1,
        }
    }

    /// Bytes of the scale that a head has at a position; none for floats.
    #[must_use]
    pub fn scale_bytes(self) -> u64 {
        match self {
            Self::F32 | Self::F16 => 0,
            Self::Q8 => 4,
        }
    }

    /// Heads have a multiple of so many values.
    #[must_use]
    pub fn head_multiple(self) -> u32 {
        match self {
            Self::F32 | Self::F16 => 2,
            Self::Q8 => 4,
        }
    }

    /// What shaders call it.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::F32 => "CACHE_F32",
            Self::F16 => "CACHE_F16",
            Self::Q8 => "CACHE_Q8",
        }
    }
}

/// How a head lies in the KV cache (`shaders/common/kv_cache.wgsl`): as pairs of dimensions, those
/// that turn together first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLayout {
    /// Values per head; even.
    pub head_dim: u32,
    /// Pairs that turn; 0 where positions are not rotary, head_dim / 2 where all do.
    pub rope_pairs: u32,
    /// Number format.
    pub dtype: KvDtype,
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

    /// Words that a head takes at a position.
    #[must_use]
    pub fn head_words(&self) -> u32 {
        let bytes = u64::from(self.head_dim) * self.dtype.value_bytes() + self.dtype.scale_bytes();
        (bytes / 4) as u32
    }

    /// Whether a pair can be stored without knowing the others of its head.
    #[must_use]
    pub fn by_pair(&self) -> bool {
        self.dtype != KvDtype::Q8
    }

    /// The fewest values of a head that are loaded at once.
    pub(crate) fn width(&self) -> u32 {
        self.dtype.head_multiple()
    }

    /// What `shaders/common/parts.wgsl` wants, where attention takes `width` values at a time.
    pub(crate) fn parts(&self, width: u32) -> (Vec<(&'static str, Constant)>, Vec<&'static str>) {
        let constants = vec![
            ("WIDTH", width.into()),
            ("PARTS", (self.head_dim / width).into()),
        ];
        let mut flags = vec![self.dtype.flag()];
        flags.extend((width == 4).then_some("WIDE"));
        (constants, flags)
    }
}
