//! Rotary position embeddings and their scalings (arXiv 2104.09864; transformers' `modeling_rope_utils.py`).

use std::f32::consts::PI;

use crate::CheckpointError;

/// A rotary embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// Base of the frequencies (`rope_theta`).
    pub theta: f32,
    /// Dimensions of each head that are rotated: head_dim · `partial_rotary_factor`.
    pub dim: u32,
    /// How frequencies are scaled for long sequences.
    pub scaling: RopeScaling,
    /// Factor on cosine and sine (`attention_factor`).
    pub attention_factor: f32,
}

/// `rope_type` with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// `default`.
    None,
    /// `linear`: positions are divided by the factor.
    Linear {
        /// The divisor.
        factor: f32,
    },
    /// `dynamic`: the base grows with the sequence once it is longer than `original`.
    Dynamic {
        /// How strongly the base grows.
        factor: f32,
        /// `max_position_embeddings`.
        original: u32,
    },
    /// `llama3`: low frequencies are divided by the factor, high ones kept, and those between
    /// interpolated.
    Llama3 {
        /// The divisor.
        factor: f32,
        /// `low_freq_factor`.
        low_freq_factor: f32,
        /// `high_freq_factor`.
        high_freq_factor: f32,
        /// `original_max_position_embeddings`.
        original: u32,
    },
    /// `longrope` (arXiv 2402.13753), also called `su`: a divisor for each frequency, with a second
    /// set for sequences longer than `original`.
    LongRope {
        /// Divisors up to `original` positions.
        short: Vec<f32>,
        /// Divisors for longer sequences.
        long: Vec<f32>,
        /// `original_max_position_embeddings`.
        original: u32,
    },
    /// A fixed divisor for each frequency (GGUF's `rope_freqs.weight`).
    Factors(Vec<f32>),
}

/// The table of a rotary embedding that a sequence needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeRegime {
    /// The only one, or the one for short sequences.
    Short,
    /// For sequences beyond the original context (`longrope`).
    Long,
    /// `dynamic`: positions before this length use the frequencies of this length, and each later one
    /// those of its own, as when transformers reads a prompt and then appends tokens.
    Grown(u32),
}

impl Rope {
    /// An embedding without scaling.
    #[must_use]
    pub fn new(theta: f32, dim: u32) -> Self {
        Self {
            theta,
            dim,
            scaling: RopeScaling::None,
            attention_factor: 1.0,
        }
    }

    /// Checks its parameters.
    ///
    /// # Errors
    /// When a parameter is out of range, or a list of divisors has the wrong length.
    pub fn check(&self) -> Result<(), CheckpointError> {
        let damaged = |what: &str| Err(CheckpointError::Damaged(what.to_owned()));
        let positive = |x: f32| x.is_finite() && x > 0.0;
        if !positive(self.theta) || !positive(self.attention_factor) {
            return damaged("its rotary base or attention factor is not a positive number");
        }
        let dividers = |factors: &[f32]| {
            factors.len() == self.dim as usize / 2 && factors.iter().all(|x| positive(*x))
        };
        let fine = match &self.scaling {
            RopeScaling::None => true,
            RopeScaling::Linear { factor } => positive(*factor),
            RopeScaling::Dynamic { factor, original } => {
                *factor >= 1.0 && factor.is_finite() && *original > 0 && self.dim > 2
            }
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original,
            } => {
                positive(*factor)
                    && positive(*low_freq_factor)
                    && high_freq_factor.is_finite()
                    && high_freq_factor > low_freq_factor
                    && *original > 0
            }
            RopeScaling::LongRope {
                short,
                long,
                original,
            } => dividers(short) && dividers(long) && *original > 1,
            RopeScaling::Factors(factors) => dividers(factors),
        };
        if fine {
            Ok(())
        } else {
            damaged("its rotary scaling has factors out of range, or the wrong number of them")
        }
    }

    /// The factor by which scaling extends `max_position_embeddings`.
    #[must_use]
    pub fn stretch(&self) -> f32 {
        match self.scaling {
            RopeScaling::Linear { factor } | RopeScaling::Dynamic { factor, .. } => factor.max(1.0),
            _ => 1.0,
        }
    }

    /// The table for a sequence of `positions` positions that began with a prompt of `prompt`.
    #[must_use]
    pub fn regime(&self, prompt: u32, positions: u32) -> RopeRegime {
        match self.scaling {
            RopeScaling::LongRope { original, .. } if positions > original => RopeRegime::Long,
            RopeScaling::Dynamic { original, .. } => RopeRegime::Grown(prompt.max(original)),
            _ => RopeRegime::Short,
        }
    }

    /// (cos, sin) · attention_factor, (positions, dim / 2).
    ///
    /// Kernels read this table because WGSL does not bound the error of the cosine of a large angle. As
    /// in transformers, the angle is an f32 product.
    #[must_use]
    pub fn table(&self, regime: RopeRegime, positions: u32) -> Vec<[f32; 2]> {
        let turn = |position: u32, inv_freq: &f32| {
            let (sin, cos) = f64::from(position as f32 * inv_freq).sin_cos();
            [
                cos as f32 * self.attention_factor,
                sin as f32 * self.attention_factor,
            ]
        };
        let mut table = Vec::with_capacity(positions as usize * self.dim as usize / 2);
        let mut inv_freq = self.inv_freq_of(regime);
        for position in 0..positions {
            if let RopeRegime::Grown(length) = regime
                && position >= length
            {
                inv_freq = self.inv_freq(position + 1);
            }
            table.extend(inv_freq.iter().map(|inv_freq| turn(position, inv_freq)));
        }
        table
    }

    /// The inverse frequencies of the first positions of a table, (dim / 2).
    #[must_use]
    pub fn inv_freq_of(&self, regime: RopeRegime) -> Vec<f32> {
        self.inv_freq(match regime {
            RopeRegime::Grown(length) => length,
            RopeRegime::Short => 0,
            RopeRegime::Long => u32::MAX,
        })
    }

    /// The inverse frequencies of a sequence of `length` positions, (dim / 2).
    #[must_use]
    pub fn inv_freq(&self, length: u32) -> Vec<f32> {
        // transformers computes in f32, and its rounding is visible at large positions, so the order of
        // operations here is the same. Only the power is computed in f64 and rounded once.
        let powers = |theta: f32| -> Vec<f32> {
            (0..self.dim / 2)
                .map(|i| f64::from((2 * i) as f32 / self.dim as f32))
                .map(|exponent| f64::from(theta).powf(exponent) as f32)
                .collect()
        };
        let plain = |theta: f32| -> Vec<f32> {
            powers(theta).into_iter().map(|power| 1.0 / power).collect()
        };
        let divided = |factors: &[f32]| -> Vec<f32> {
            let powers = powers(self.theta);
            powers
                .iter()
                .zip(factors)
                .map(|(power, factor)| 1.0 / (factor * power))
                .collect()
        };
        match &self.scaling {
            RopeScaling::None => plain(self.theta),
            RopeScaling::Linear { factor } => plain(self.theta)
                .into_iter()
                .map(|freq| freq / factor)
                .collect(),
            RopeScaling::Dynamic { factor, original } => {
                let (factor, original) = (f64::from(*factor), f64::from(*original));
                let (dim, length) = (f64::from(self.dim), f64::from(length).max(original));
                let grown = factor * length / original - (factor - 1.0);
                plain((f64::from(self.theta) * grown.powf(dim / (dim - 2.0))) as f32)
            }
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original,
            } => {
                let original = *original as f32;
                let scaled = |freq: f32| {
                    let wavelength = 2.0 * PI / freq;
                    if wavelength < original / high_freq_factor {
                        freq
                    } else if wavelength > original / low_freq_factor {
                        freq / factor
                    } else {
                        let smooth = (original / wavelength - low_freq_factor)
                            / (high_freq_factor - low_freq_factor);
                        (1.0 - smooth) * freq / factor + smooth * freq
                    }
                };
                plain(self.theta).into_iter().map(scaled).collect()
            }
            RopeScaling::LongRope {
                short,
                long,
                original,
            } => divided(if length > *original { long } else { short }),
            RopeScaling::Factors(factors) => divided(factors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope(scaling: RopeScaling) -> Rope {
        Rope {
            scaling,
            ..Rope::new(10_000.0, 8)
        }
    }

    #[test]
    fn linear_scaling_divides_positions() {
        let plain = rope(RopeScaling::None).table(RopeRegime::Short, 3);
        let scaled = rope(RopeScaling::Linear { factor: 2.0 }).table(RopeRegime::Short, 5);
        assert_eq!(plain[4..8], scaled[8..12]);
    }

    #[test]
    fn long_factors_hold_for_all_positions_once_one_is_past_the_original_context() {
        let rope = rope(RopeScaling::LongRope {
            short: vec![1.0; 4],
            long: vec![3.0; 4],
            original: 10,
        });
        assert_eq!(rope.regime(10, 10), RopeRegime::Short);
        assert_eq!(rope.regime(10, 11), RopeRegime::Long);
        assert_eq!(rope.inv_freq(10)[0], 1.0);
        assert_eq!(rope.inv_freq(11)[0], 1.0 / 3.0);
    }

    #[test]
    fn dynamic_frequencies_stay_until_the_original_context_ends() {
        let rope = rope(RopeScaling::Dynamic {
            factor: 2.0,
            original: 16,
        });
        assert_eq!(rope.inv_freq(3), rope.inv_freq(16));
        assert!(rope.inv_freq(17)[3] < rope.inv_freq(16)[3]);
        // Positions of the prompt share their frequencies; each later one uses those of its own length.
        let table = rope.table(rope.regime(20, 20), 22);
        let angle = |position: u32, length: u32| (position as f32 * rope.inv_freq(length)[1]).cos();
        assert!((table[3 * 4 + 1][0] - angle(3, 20)).abs() < 1e-6);
        assert!((table[21 * 4 + 1][0] - angle(21, 22)).abs() < 1e-6);
        assert!((table[21 * 4 + 1][0] - angle(21, 20)).abs() > 1e-6);
    }
}
