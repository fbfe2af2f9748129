use half::{bf16, f16};

use super::GgmlType;
use super::block::Block;

impl GgmlType {
    /// Dequantises whole blocks, with the results of ggml's reference `dequantize_row_*`.
    #[must_use]
    pub fn dequantize(self, bytes: &[u8]) -> Vec<f32> {
        let (weights, block_bytes) = self.block();
        let blocks = bytes.chunks_exact(block_bytes as usize);
        let mut out = Vec::with_capacity(blocks.len() * weights as usize);
        for bytes in blocks {
            match self {
                Self::F32 => {
                    out.push(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
                }
                Self::F16 => out.push(f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()),
                Self::BF16 => out.push(bf16::from_le_bytes([bytes[0], bytes[1]]).to_f32()),
                _ => self.dequantize_block(&Block::read(self, bytes), &mut out),
            }
        }
        out
    }

    fn dequantize_block(self, block: &Block, out: &mut Vec<f32>) {
        let [d, m] = block.halves.map(|bits| f16::from_bits(bits).to_f32());
        let first = &block.numbers[0];
        match self {
            Self::F32 | Self::F16 | Self::BF16 => {}
            Self::Q4_0 => out.extend(first.iter().map(|&q| d * (f32::from(q) - 8.0))),
            Self::Q5_0 => out.extend(first.iter().map(|&q| d * (f32::from(q) - 16.0))),
            Self::Q4_1 | Self::Q5_1 => out.extend(first.iter().map(|&q| d * f32::from(q) + m)),
            Self::Q8_0 => out.extend(first.iter().map(|&q| d * f32::from(q as i8))),
            Self::Q2K => {
                for_each_16(block, |numbers, factors| {
                    let (scale, minimum) =
                        (d * f32::from(factors & 15), m * f32::from(factors >> 4));
                    out.extend(numbers.iter().map(|&q| scale * f32::from(q) - minimum));
                });
            }
            Self::Q3K | Self::Q6K => {
                let zero = if self == Self::Q3K { 4.0 } else { 32.0 };
                for_each_16(block, |numbers, factor| {
                    let scale = d * f32::from(factor as i8);
                    out.extend(numbers.iter().map(|&q| scale * (f32::from(q) - zero)));
                });
            }
            Self::Q4K | Self::Q5K => {
                for (numbers, factors) in block.numbers.iter().zip(block.factors) {
                    let [scale, minimum] = factors.to_le_bytes();
                    let (scale, minimum) = (d * f32::from(scale), m * f32::from(minimum));
                    out.extend(numbers.iter().map(|&q| scale * f32::from(q) - minimum));
                }
            }
        }
    }
}

/// Calls `f` with each 16 quants of a super-block and their byte of factors.
fn for_each_16(block: &Block, mut f: impl FnMut(&[u8], u8)) {
    for (numbers, factors) in block.numbers.iter().zip(block.factors) {
        for (numbers, factor) in numbers.chunks_exact(16).zip(factors.to_le_bytes()) {
            f(numbers, factor);
        }
    }
}
