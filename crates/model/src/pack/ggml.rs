//! Packs rows of a file for the GPU.

use half::f16;
use vitrine_checkpoint::ggml::{Block, GgmlType};
use vitrine_kernels::Format;
use vitrine_kernels::packed::{BLOCK, TilePacker};

/// The weight format that stores a type on the GPU without loss.
pub fn format(kind: GgmlType) -> Format {
    match kind {
        GgmlType::F32 => Format::F32,
        GgmlType::F16 => Format::F16,
        GgmlType::BF16 => Format::BF16,
        GgmlType::Q4_0 | GgmlType::Q4_1 => Format::Q4,
        GgmlType::Q5_0 | GgmlType::Q5_1 => Format::Q5,
        GgmlType::Q8_0 => Format::Q8,
        GgmlType::Q2K => Format::Q2K,
        GgmlType::Q3K => Format::Q3K,
        GgmlType::Q4K => Format::Q4K,
        GgmlType::Q5K => Format::Q5K,
        GgmlType::Q6K => Format::Q6K,
    }
}

/// Packs one row, as it is stored on disk, into row `row` of `packer`, whose format is
/// [`format`]. Packing is lossless while the scales of Q4_0 and Q5_0 are below 8188 and
/// 4094, thousands of times those of real weights.
pub fn pack_row(kind: GgmlType, bytes: &[u8], row: usize, packer: &mut TilePacker) {
    debug_assert_eq!(packer.format(), format(kind));
    let (weights, block_bytes) = kind.block();
    // Floats have no blocks on disk; they are split into blocks of 32, and the last may be short.
    let per_block = weights.max(u64::from(BLOCK));
    let chunk = (per_block / weights * block_bytes) as usize;
    for (index, bytes) in bytes.chunks(chunk).enumerate() {
        let first = index * (per_block / u64::from(BLOCK)) as usize;
        match kind {
            GgmlType::F32 | GgmlType::F16 | GgmlType::BF16 => put_bytes(packer, row, first, bytes),
            GgmlType::Q4_0 => {
                put_bytes(packer, row, first, &bytes[2..]);
                packer.put_scale(row, first, with_zero(half(bytes, 0), 8.0));
            }
            GgmlType::Q4_1 => {
                put_bytes(packer, row, first, &bytes[4..]);
                packer.put_scale(row, first, two(half(bytes, 0), half(bytes, 2)));
            }
            GgmlType::Q8_0 => {
                put_bytes(packer, row, first, &bytes[2..]);
                packer.put_scale(row, first, half(bytes, 0).into());
            }
            GgmlType::Q5_0 | GgmlType::Q5_1 => {
                let block = Block::read(kind, bytes);
                packer.put_numbers(row, first, &block.numbers[0]);
                let scale = match kind {
                    GgmlType::Q5_0 => with_zero(block.halves[0], 16.0),
                    _ => two(block.halves[0], block.halves[1]),
                };
                packer.put_scale(row, first, scale);
            }
            GgmlType::Q2K | GgmlType::Q3K | GgmlType::Q4K | GgmlType::Q5K | GgmlType::Q6K => {
                let block = Block::read(kind, bytes);
                packer.put_scale(row, index, two(block.halves[0], block.halves[1]));
                let blocks = block.numbers.iter().zip(block.factors);
                for (at, (numbers, factors)) in (first..).zip(blocks) {
                    packer.put_numbers(row, at, numbers);
                    packer.put_factors(row, at, factors);
                }
            }
        }
    }
}

/// Stores a block whose layout on disk is that of the GPU, padded with zeros.
fn put_bytes(packer: &mut TilePacker, row: usize, block: usize, bytes: &[u8]) {
    let mut words = [0u32; 32];
    let words = &mut words[..packer.format().block_words() as usize];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(4)) {
        let mut four = [0; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        *word = u32::from_le_bytes(four);
    }
    packer.put(row, block, words);
}

/// (scale, minimum) for quants with a zero point. The minimum is exact: `zero` is a power of two.
fn with_zero(scale: u16, zero: f32) -> u32 {
    let minimum = f16::from_f32(-zero * f16::from_bits(scale).to_f32());
    two(scale, minimum.to_bits())
}

fn two(low: u16, high: u16) -> u32 {
    u32::from(low) | u32::from(high) << 16
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}
