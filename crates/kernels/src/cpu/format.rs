use half::f16;

use crate::Format;
use crate::format::Scales;
use crate::packed::{BLOCK, TILE};

/// One row of packed tiles as floats (k): `quants` and `scales` are what the GPU is given.
#[must_use]
pub fn unpack_row(format: Format, k: u32, quants: &[u32], scales: &[u32], row: u32) -> Vec<f32> {
    let (tile, inside) = ((row / TILE) as usize, (row % TILE) as usize);
    let layout = format.quants();
    let (steps, step_words) = (layout.steps as usize, layout.words as usize);
    let blocks = k.div_ceil(BLOCK) as usize;
    let group_blocks = format.group_blocks(k) as usize;
    let word = |weight: usize, index: usize| {
        let (block, step) = (weight / 32, weight % 32 * steps / 32);
        let at = (tile * blocks + block) * steps + step;
        quants[(at * TILE as usize + inside) * step_words + index]
    };
    let scale_word = |block: usize, index: usize| {
        let at = tile * format.groups(k) as usize + block / group_blocks;
        scales[(at * format.group_words(k) as usize + index) * TILE as usize + inside]
    };
    let number = |weight: usize| -> u32 {
        let (bits, in_step) = (layout.low_bits as usize, weight % (32 / steps));
        let bytes = step_words * 4;
        let (byte, turn) = (in_step % bytes, in_step / bytes);
        let low = word(weight, byte / 4) >> (8 * (byte % 4) + turn * bits) & ((1 << bits) - 1);
        let high_bits = layout.high_bits as usize;
        if high_bits == 0 {
            return low;
        }
        let (block, in_block) = (weight / 32, weight % 32);
        let in_word = in_block % (32 / high_bits);
        let index = format.scale_words() as usize
            + block % group_blocks * high_bits
            + in_block / (32 / high_bits);
        let high = scale_word(block, index) >> (8 * (in_word % 4) + in_word / 4 * high_bits);
        low | (high & ((1 << high_bits) - 1)) << bits
    };
    let halves = |word: u32| {
        let half = |bits: u32| f16::from_bits(bits as u16).to_f32();
        (half(word & 0xFFFF), half(word >> 16))
    };
    (0..k as usize)
        .map(|weight| {
            let block = weight / 32;
            match format.scales() {
                Scales::None => float(format, weight % (32 / steps), |index| word(weight, index)),
                Scales::Row => {
                    f32::from_bits(scale_word(block, 0)) * (number(weight) as f32 - 128.0)
                }
                Scales::Group(_) => {
                    let (scale, minimum) = halves(scale_word(block, 0));
                    let number = match layout.low_bits {
                        8 => number(weight) as f32 - 128.0,
                        _ => number(weight) as f32,
                    };
                    scale * number + minimum
                }
                Scales::Super { zero } => {
                    let (scale, minimum) = halves(scale_word(block, 0));
                    let inside = block % group_blocks;
                    let factors = scale_word(block, 1 + inside / 2) >> (16 * (inside % 2));
                    let step = weight % 32 * steps / 32;
                    if zero > 0 {
                        let factor = (factors >> (8 * step)) as u8 as i8;
                        let number = number(weight) as i32 - zero as i32;
                        return scale * f32::from(factor) * number as f32;
                    }
                    let bits = 8 / steps;
                    let factor = |at: usize| (factors >> at & ((1 << bits) - 1)) as f32;
                    let scale = scale * factor(8 * step);
                    let minimum = minimum * factor(8 * step + bits);
                    scale * number(weight) as f32 - minimum
                }
            }
        })
        .collect()
}

/// The float at `index` of a step.
fn float(format: Format, index: usize, word: impl Fn(usize) -> u32) -> f32 {
    let half = |index: usize| (word(index / 2) >> (16 * (index % 2))) as u16;
    match format {
        Format::F16 => f16::from_bits(half(index)).to_f32(),
        Format::BF16 => f32::from_bits(u32::from(half(index)) << 16),
        _ => f32::from_bits(word(index)),
    }
}
