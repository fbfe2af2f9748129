//! The tensor types of GGUF files: their blocks on disk, and how they become packed weights.
//!
//! Block layouts as in ggml's `ggml-common.h` (`block_q4_0`, `block_q4_1`, `block_q8_0`).

use half::f16;
use vitrine_kernels::Format;
use vitrine_kernels::packed::{BLOCK, TilePacker};

/// A tensor type that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GgmlType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 4 bits and a scale per 32 weights: w = d · (q - 8).
    Q4_0,
    /// 4 bits, a scale and a minimum per 32 weights: w = d · q + m.
    Q4_1,
    /// 8 bits and a scale per 32 weights: w = d · q.
    Q8_0,
}

impl GgmlType {
    /// By the number in the file (`enum ggml_type`).
    #[must_use]
    pub fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            8 => Self::Q8_0,
            _ => return None,
        })
    }

    /// The name of any type number, for messages.
    #[must_use]
    pub fn name_of(id: u32) -> String {
        let name = match id {
            0 => "F32",
            1 => "F16",
            2 => "Q4_0",
            3 => "Q4_1",
            6 => "Q5_0",
            7 => "Q5_1",
            8 => "Q8_0",
            10 => "Q2_K",
            11 => "Q3_K",
            12 => "Q4_K",
            13 => "Q5_K",
            14 => "Q6_K",
            30 => "BF16",
            _ => return format!("number {id}"),
        };
        name.to_owned()
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q8_0 => "Q8_0",
        }
    }

    /// Weights per block on disk, and bytes per block.
    #[must_use]
    pub fn block(self) -> (u64, u64) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 => (1, 2),
            Self::Q4_0 => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q8_0 => (32, 34),
        }
    }

    /// Bytes of a row of `k` weights.
    #[must_use]
    pub fn row_bytes(self, k: u64) -> u64 {
        let (weights, bytes) = self.block();
        k / weights * bytes
    }

    /// How the GPU stores it.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::F32 => Format::F32,
            Self::F16 => Format::F16,
            Self::Q4_0 | Self::Q4_1 => Format::Q4,
            Self::Q8_0 => Format::Q8,
        }
    }

    /// Packs one row as it is on disk into row `row` of `packer`.
    pub fn pack_row(self, bytes: &[u8], row: usize, packer: &mut TilePacker) {
        let mut words = [0u32; 32];
        let (weights, block_bytes) = self.block();
        // Floats have no blocks on disk; they are cut into ours, and the last may be short.
        let chunk = (u64::from(BLOCK) / weights * block_bytes) as usize;
        for (index, block) in bytes.chunks(chunk).enumerate() {
            let n_words = self.format().vectors() as usize * 4;
            let words = &mut words[..n_words];
            words.fill(0);
            let scale = self.pack_block(block, words);
            packer.put(row, index, words, scale);
        }
    }

    /// The words of a packed block, and its (scale, minimum) as two halves.
    fn pack_block(self, block: &[u8], words: &mut [u32]) -> u32 {
        let half_at = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
        let two = |low: u16, high: u16| u32::from(low) | u32::from(high) << 16;
        match self {
            Self::F32 | Self::F16 => {
                fill(words, block);
                0
            }
            Self::Q4_0 => {
                fill(words, &block[2..]);
                let scale = f16::from_bits(half_at(0));
                // Exact: a power of two times a half, short of overflow at |d| > 8188.
                let minimum = f16::from_f32(-8.0 * scale.to_f32());
                two(scale.to_bits(), minimum.to_bits())
            }
            Self::Q4_1 => {
                fill(words, &block[4..]);
                two(half_at(0), half_at(2))
            }
            Self::Q8_0 => {
                fill(words, &block[2..]);
                two(half_at(0), 0)
            }
        }
    }

    /// The weights of whole blocks, as ggml's reference `dequantize_row_*` gives them.
    #[must_use]
    pub fn dequantize(self, bytes: &[u8]) -> Vec<f32> {
        let (_, block_bytes) = self.block();
        let mut out = Vec::new();
        for block in bytes.chunks_exact(block_bytes as usize) {
            let half_at =
                |at: usize| f16::from_bits(u16::from_le_bytes([block[at], block[at + 1]])).to_f32();
            match self {
                Self::F32 => {
                    out.push(f32::from_le_bytes([block[0], block[1], block[2], block[3]]));
                }
                Self::F16 => out.push(half_at(0)),
                Self::Q4_0 => {
                    let d = half_at(0);
                    out.extend(block[2..].iter().map(|q| d * (f32::from(q & 15) - 8.0)));
                    out.extend(block[2..].iter().map(|q| d * (f32::from(q >> 4) - 8.0)));
                }
                Self::Q4_1 => {
                    let (d, m) = (half_at(0), half_at(2));
                    out.extend(block[4..].iter().map(|q| d * f32::from(q & 15) + m));
                    out.extend(block[4..].iter().map(|q| d * f32::from(q >> 4) + m));
                }
                Self::Q8_0 => {
                    let d = half_at(0);
                    out.extend(block[2..].iter().map(|q| d * f32::from(*q as i8)));
                }
            }
        }
        out
    }
}

/// Little-endian words; what `bytes` lacks stays as it is.
fn fill(words: &mut [u32], bytes: &[u8]) {
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(4)) {
        let mut four = [0; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        *word = u32::from_le_bytes(four);
    }
}
