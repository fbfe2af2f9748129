use serde::{Deserialize, Serialize};

/// Sampling parameters. Names, order and meaning are those of transformers' `GenerationConfig`; presence and
/// frequency penalty are OpenAI's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingParams {
    /// Draw at random. Otherwise the most probable token after penalties is chosen.
    pub do_sample: bool,
    /// Logits are divided by it: below 1 sharpens, above 1 flattens. 0 takes the most probable.
    pub temperature: f64,
    /// Keep this many of the best tokens, and those that tie with the last of them; 0 keeps all.
    pub top_k: u32,
    /// Keep the most probable tokens whose probabilities add up to this; 1 keeps all.
    pub top_p: f64,
    /// Keep tokens with at least this probability relative to the most probable one; 0 keeps all.
    pub min_p: f64,
    /// Divides positive logits and multiplies negative ones of every token of the prompt and of the generated text
    /// (arXiv 1909.05858); 1 is none.
    pub repetition_penalty: f64,
    /// Subtracted from the logits of all generated tokens; 0 is none.
    pub presence_penalty: f64,
    /// Subtracted from the logits of generated tokens once per occurrence; 0 is none.
    pub frequency_penalty: f64,
    /// Seed of the random numbers: the same seed draws the same tokens.
    pub seed: u64,
}

/// Greedy, as transformers without `do_sample`.
impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            do_sample: false,
            temperature: 1.0,
            top_k: 50,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            seed: 0,
        }
    }
}

/// The recommendations of a model's files; `None` if they have none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingDefaults {
    /// [`SamplingParams::temperature`].
    pub temperature: Option<f64>,
    /// [`SamplingParams::top_k`].
    pub top_k: Option<u32>,
    /// [`SamplingParams::top_p`].
    pub top_p: Option<f64>,
    /// [`SamplingParams::min_p`].
    pub min_p: Option<f64>,
    /// [`SamplingParams::repetition_penalty`].
    pub repetition_penalty: Option<f64>,
    /// Names of further settings that would change the draw and are not supported.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_followed: Vec<String>,
}

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParamsError {
    /// A value out of range.
    #[error("{name} is {value}: give {range}.")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// The given value.
        value: f64,
        /// The allowed range.
        range: &'static str,
    },
}

impl SamplingDefaults {
    /// Random draws with these settings, and transformers' defaults for the rest.
    #[must_use]
    pub fn params(&self) -> SamplingParams {
        let usual = SamplingParams::default();
        SamplingParams {
            do_sample: true,
            temperature: self.temperature.unwrap_or(usual.temperature),
            top_k: self.top_k.unwrap_or(usual.top_k),
            top_p: self.top_p.unwrap_or(usual.top_p),
            min_p: self.min_p.unwrap_or(usual.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(usual.repetition_penalty),
            ..usual
        }
    }
}

impl SamplingParams {
    /// Refuses values without a meaning, and those that single precision cannot compute.
    ///
    /// # Errors
    /// When a value is out of range.
    pub fn check(&self) -> Result<(), ParamsError> {
        let checks = [
            (
                "temperature",
                self.temperature,
                self.temperature == 0.0 || (1e-4..=1e4).contains(&self.temperature),
                "0 (the most probable token) or a number from 0.0001 to 10000",
            ),
            (
                "top_p",
                self.top_p,
                (0.0..=1.0).contains(&self.top_p),
                "a number from 0 to 1",
            ),
            (
                "min_p",
                self.min_p,
                (0.0..=1.0).contains(&self.min_p),
                "a number from 0 to 1",
            ),
            (
                "repetition_penalty",
                self.repetition_penalty,
                (1e-3..=1e3).contains(&self.repetition_penalty),
                "a number from 0.001 to 1000",
            ),
            (
                "presence_penalty",
                self.presence_penalty,
                (-100.0..=100.0).contains(&self.presence_penalty),
                "a number from -100 to 100",
            ),
            (
                "frequency_penalty",
                self.frequency_penalty,
                (-100.0..=100.0).contains(&self.frequency_penalty),
                "a number from -100 to 100",
            ),
        ];
        match checks.into_iter().find(|(_, _, good, _)| !good) {
            None => Ok(()),
            Some((name, value, _, range)) => Err(ParamsError::OutOfRange { name, value, range }),
        }
    }

    /// Whether the most probable token is chosen.
    #[must_use]
    pub fn is_greedy(&self) -> bool {
        !self.do_sample || self.temperature == 0.0
    }

    /// Whether logits depend on the tokens so far.
    #[must_use]
    pub fn penalizes(&self) -> bool {
        self.repetition_penalty != 1.0
            || self.presence_penalty != 0.0
            || self.frequency_penalty != 0.0
    }

    /// Whether the token with the highest raw logit is chosen, which needs no sampler.
    #[must_use]
    pub fn is_argmax(&self) -> bool {
        self.is_greedy() && !self.penalizes()
    }

    /// The settings that the pipeline applies: if the most probable token is chosen, a top-k of 1 and no other
    /// filter.
    #[must_use]
    pub fn effective(&self) -> Self {
        if self.is_greedy() {
            Self {
                temperature: 1.0,
                top_k: 1,
                top_p: 1.0,
                min_p: 0.0,
                ..self.clone()
            }
        } else {
            self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SamplingDefaults, SamplingParams};

    #[test]
    fn what_has_no_meaning_is_refused_in_one_sentence() {
        let good = SamplingDefaults::default().params();
        assert!(good.check().is_ok());
        let wrong: [fn(&mut SamplingParams); 9] = [
            |p| p.temperature = -1.0,
            |p| p.temperature = 1e-30,
            |p| p.temperature = f64::NAN,
            |p| p.top_p = 1.5,
            |p| p.top_p = -0.1,
            |p| p.min_p = 2.0,
            |p| p.repetition_penalty = 0.0,
            |p| p.presence_penalty = f64::INFINITY,
            |p| p.frequency_penalty = -1e9,
        ];
        for change in wrong {
            let mut params = good.clone();
            change(&mut params);
            let error = params.check().unwrap_err().to_string();
            assert!(error.ends_with('.') && error.contains(": give "), "{error}");
        }
    }

    #[test]
    fn greedy_is_the_default() {
        assert!(SamplingParams::default().is_argmax());
        let penalized = SamplingParams {
            repetition_penalty: 1.2,
            ..SamplingParams::default()
        };
        assert!(penalized.is_greedy() && !penalized.is_argmax());
    }
}
