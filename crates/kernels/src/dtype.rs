use std::fmt;

/// Data type of activations, keys and values (`shaders/common/pairs.wgsl`). Arithmetic is always in f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floats.
    #[default]
    F32,
    /// 16-bit floats, two to a word; they end at 65,504.
    F16,
}

impl Dtype {
    /// Bytes per number.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// Numbers as a buffer holds them.
    #[must_use]
    pub fn floats(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => bytemuck::pod_collect_to_vec(bytes),
            Self::F16 => {
                let halves = bytes.chunks_exact(2);
                halves
                    .map(|half| half::f16::from_le_bytes([half[0], half[1]]).to_f32())
                    .collect()
            }
        }
    }

    pub(crate) fn flags(self) -> Vec<&'static str> {
        match self {
            Self::F32 => vec![],
            Self::F16 => vec!["HALF"],
        }
    }
}

/// How the x of a projection is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XFormat {
    /// Floats.
    Floats(Dtype),
    /// Signed bytes with a scale per block, as [`QuantizeX`](crate::QuantizeX) writes them; for quantised weights
    /// only ([`Format::has_bytes`](crate::Format::has_bytes)).
    Packed,
}

impl From<Dtype> for XFormat {
    fn from(dtype: Dtype) -> Self {
        Self::Floats(dtype)
    }
}

/// `F32`, `F16`, `bytes`.
impl fmt::Display for XFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Floats(dtype) => write!(f, "{dtype:?}"),
            Self::Packed => write!(f, "bytes"),
        }
    }
}
