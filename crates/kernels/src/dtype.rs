/// Number format of activations, keys and values (`shaders/common/pairs.wgsl`). Arithmetic is in
/// f32 either way.
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
