//! Quantises float weights, as optimum-quanto does (`AbsmaxOptimizer` with `qint8`, `MaxOptimizer` with `qint4`).

use half::f16;
use vitrine_checkpoint::Quantize;
use vitrine_kernels::Format;
use vitrine_kernels::packed::TilePacker;

/// The weight format on the GPU of rows that are quantised.
pub fn format(quantize: Quantize) -> Format {
    match quantize {
        Quantize::Q8 => Format::Q8Row,
        Quantize::Q4 => Format::Q4,
        Quantize::Q4Group128 => Format::Q4Group128,
    }
}

/// Quantises one row into row `row` of `packer`, whose format is [`format`].
pub fn pack_row(quantize: Quantize, weights: &[f32], row: usize, packer: &mut TilePacker) {
    debug_assert_eq!(packer.format(), format(quantize));
    match quantize {
        Quantize::Q8 => {
            let scale = symmetric_scale(weights);
            packer.put_scale(row, 0, scale.to_bits());
            put_numbers(weights, 0, row, packer, |weight| to_i8(weight, scale) as u8);
        }
        Quantize::Q4 => pack_groups(weights, 32, row, packer),
        Quantize::Q4Group128 => pack_groups(weights, 128, row, packer),
    }
}

fn pack_groups(weights: &[f32], size: usize, row: usize, packer: &mut TilePacker) {
    for (index, weights) in weights.chunks(size).enumerate() {
        let (scale, minimum) = affine_scale(weights);
        let half = |value: f32| u32::from(storable(value).to_bits());
        packer.put_scale(row, index, half(scale) | half(minimum) << 16);
        let first = index * size / 32;
        put_numbers(weights, first, row, packer, |weight| {
            to_u4(weight, scale, minimum)
        });
    }
}

fn put_numbers(
    weights: &[f32],
    first_block: usize,
    row: usize,
    packer: &mut TilePacker,
    quantize: impl Fn(f32) -> u8,
) {
    for (block, weights) in (first_block..).zip(weights.chunks(32)) {
        let mut numbers = [0; 32];
        for (number, weight) in numbers.iter_mut().zip(weights) {
            *number = quantize(*weight);
        }
        packer.put_numbers(row, block, &numbers);
    }
}

fn symmetric_scale(weights: &[f32]) -> f32 {
    weights.iter().fold(0.0, |most: f32, w| most.max(w.abs())) / 127.0
}

/// (scale, minimum) of a group.
fn affine_scale(weights: &[f32]) -> (f32, f32) {
    let first = weights.first().copied().unwrap_or_default();
    let range = weights
        .iter()
        .fold((first, first), |(low, high), w| (w.min(low), w.max(high)));
    ((range.1 - range.0) / 15.0, range.0)
}

/// In a row of zeros the scale is 0, and the resulting NaN is converted to 0.
fn to_i8(weight: f32, scale: f32) -> i8 {
    round(weight / scale) as i8
}

/// Quantises with scale and minimum before these are rounded to 16 bits. In a group of equal weights the
/// scale is 0, and the resulting NaN is converted to 0, which encodes the minimum.
fn to_u4(weight: f32, scale: f32, minimum: f32) -> u8 {
    round((weight - minimum) / scale).clamp(0.0, 15.0) as u8
}

/// Rounds ties to even, as torch does. Exact below 2^22 and approximate above. Much faster than
/// `round_ties_even` where that is a library call.
fn round(value: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0; // 1.5 · 2^23
    (value + SHIFT) - SHIFT
}

/// The nearest finite 16-bit float.
fn storable(value: f32) -> f16 {
    f16::from_f32(value.clamp(f16::MIN.to_f32(), f16::MAX.to_f32()))
}
