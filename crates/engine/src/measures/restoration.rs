/// The logits of two answers at the end of a prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogitDifference {
    /// Logit of the clean prompt's answer.
    pub answer: f32,
    /// Logit of the corrupt prompt's answer.
    pub against: f32,
}

impl LogitDifference {
    /// From the logits (vocab_size) at the end of a prompt. `None` for ids outside the vocabulary.
    #[must_use]
    pub fn of(logits: &[f32], answer: u32, against: u32) -> Option<Self> {
        Some(Self {
            answer: *logits.get(answer as usize)?,
            against: *logits.get(against as usize)?,
        })
    }

    /// The logit difference.
    #[must_use]
    pub fn lead(self) -> f64 {
        f64::from(self.answer) - f64::from(self.against)
    }
}

/// How much of the clean prompt's answer a patch restores: 0 is the corrupt run, 1 the clean run (the normalised
/// logit difference of Wang et al., Interpretability in the Wild, 2022). `None` if both runs are equal.
#[must_use]
pub fn restoration(
    clean: LogitDifference,
    corrupt: LogitDifference,
    patched: LogitDifference,
) -> Option<f64> {
    let whole = clean.lead() - corrupt.lead();
    (whole != 0.0).then(|| (patched.lead() - corrupt.lead()) / whole)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_nothing_and_all() {
        let clean = LogitDifference::of(&[9.0, 0.0, 5.0], 0, 2).unwrap();
        let corrupt = LogitDifference::of(&[4.0, 0.0, 6.0], 0, 2).unwrap();
        assert_eq!(clean.lead(), 4.0);
        assert_eq!(restoration(clean, corrupt, corrupt), Some(0.0));
        assert_eq!(restoration(clean, corrupt, clean), Some(1.0));
        let half = LogitDifference::of(&[6.0, 0.0, 5.0], 0, 2).unwrap();
        assert_eq!(restoration(clean, corrupt, half), Some(0.5));
    }

    #[test]
    fn what_cannot_be_said_is_not() {
        let same = LogitDifference {
            answer: 1.0,
            against: 0.0,
        };
        assert_eq!(restoration(same, same, same), None);
        assert_eq!(LogitDifference::of(&[1.0], 0, 1), None);
    }
}
