//! Random weights, to measure the speed of a model without its files.

use half::{bf16, f16};
use vitrine_kernels::packed::{BLOCK, TilePacker};
use vitrine_kernels::{Format, SUPER_BLOCKS, Scales};

/// Reproducible random bits (SplitMix64).
pub struct RandomBits(u64);

impl RandomBits {
    /// Seeds the generator.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }
}

/// Fills row `row` of `packer` with random weights of mean 0 and standard deviation 1 / √k, so that a
/// layer preserves the magnitude of its input.
pub fn random_row(random: &mut RandomBits, row: usize, packer: &mut TilePacker) {
    let format = packer.format();
    let quants = format.quants();
    let deviation = 1.0 / (packer.k().max(1) as f32).sqrt();
    if quants.low_bits >= 16 {
        return random_floats(random, deviation, row, packer);
    }
    let bits = quants.low_bits + quants.high_bits;
    let blocks = packer.k().div_ceil(BLOCK) as usize;
    for block in 0..blocks {
        if quants.high_bits == 0 {
            // Every bit belongs to a quant, so random words are valid.
            let mut words = [0; 8];
            let words = &mut words[..format.block_words() as usize];
            for pair in words.chunks_mut(2) {
                let bits = random.next();
                pair.copy_from_slice(&[bits as u32, (bits >> 32) as u32][..pair.len()]);
            }
            packer.put(row, block, words);
        } else {
            let mut numbers = [0; 32];
            for eight in numbers.chunks_exact_mut(8) {
                eight.copy_from_slice(&random.next().to_le_bytes());
            }
            packer.put_numbers(row, block, &numbers);
        }
    }
    // 2^bits equally likely quants have a standard deviation of 2^bits / √12. Their mean is
    // (2^bits - 1) / 2 if they are unsigned, and -1/2 if they are signed.
    let levels = f32::from(1u16 << bits);
    let scale = deviation * 12f32.sqrt() / levels;
    let middle = (levels - 1.0) / 2.0;
    let halves = |scale: f32, minimum: f32| {
        let half = |value: f32| u32::from(f16::from_f32(value).to_bits());
        half(scale) | half(minimum) << 16
    };
    let (word, factors) = match format.scales() {
        Scales::None => return,
        Scales::Row => (scale.to_bits(), None),
        Scales::Group(_) if format == Format::Q8 => (halves(scale, 0.0), None),
        Scales::Group(_) => (halves(scale, -scale * middle), None),
        // Factors in the middle of their range: 8 of 15, 32 of 63, and 16 and -16 of 31. Both signs,
        // so that the asymmetric range of signed quants does not shift the mean.
        Scales::Super { zero: 0 } if quants.steps == 2 => {
            (halves(scale / 8.0, scale * middle / 8.0), Some(0x8888))
        }
        Scales::Super { zero: 0 } => (halves(scale / 32.0, scale * middle / 32.0), Some(0x2020)),
        Scales::Super { .. } => (halves(scale / 16.0, 0.0), Some(0xF010)),
    };
    for group in 0..format.groups(packer.k()) as usize {
        packer.put_scale(row, group, word);
    }
    if let Some(factors) = factors {
        for block in 0..blocks.next_multiple_of(SUPER_BLOCKS as usize) {
            packer.put_factors(row, block, factors);
        }
    }
}

/// Fills a row with floats, uniform in ±√3 deviations.
fn random_floats(random: &mut RandomBits, deviation: f32, row: usize, packer: &mut TilePacker) {
    let format = packer.format();
    let step = deviation * 12f32.sqrt() / 65536.0;
    let mut left = packer.k() as usize;
    let mut bits = 0;
    for block in 0..packer.k().div_ceil(BLOCK) as usize {
        let mut words = [0; 32];
        for index in 0..left.min(32) {
            if index % 4 == 0 {
                bits = random.next();
            }
            let value = f32::from(bits as u16 as i16) * step;
            bits >>= 16;
            let half = match format {
                Format::F16 => f16::from_f32(value).to_bits(),
                Format::BF16 => bf16::from_f32(value).to_bits(),
                _ => {
                    words[index] = value.to_bits();
                    continue;
                }
            };
            words[index / 2] |= u32::from(half) << (16 * (index % 2));
        }
        left = left.saturating_sub(32);
        packer.put(row, block, &words[..format.block_words() as usize]);
    }
}
