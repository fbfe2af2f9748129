//! Arguments of sampling.

use std::hash::{BuildHasher, Hasher};

use clap::CommandFactory;
use clap::error::ErrorKind;
use vitrine_protocol::{SamplingDefaults, SamplingParams};

use super::{Args, GenerateArgs};

/// The sampling settings; defaults are the model's own, or those of transformers.
#[derive(clap::Args)]
pub struct SamplingArgs {
    /// Divide the logits by this: below 1 sharpens, above 1 flattens, 0 takes the most probable.
    #[arg(long, value_name = "T", help_heading = "Sampling")]
    pub temperature: Option<f64>,
    /// Keep the K best tokens; 0 for all.
    #[arg(long, value_name = "K", help_heading = "Sampling")]
    pub top_k: Option<u32>,
    /// Keep the most probable tokens whose probabilities add up to this.
    #[arg(long, value_name = "P", help_heading = "Sampling")]
    pub top_p: Option<f64>,
    /// Keep tokens with at least this probability relative to the most probable one.
    #[arg(long, value_name = "P", help_heading = "Sampling")]
    pub min_p: Option<f64>,
    /// Make tokens of the prompt and of the answer less probable: above 1.
    #[arg(long, value_name = "FACTOR", help_heading = "Sampling")]
    pub repetition_penalty: Option<f64>,
    /// Subtract this from the logits of tokens that were generated.
    #[arg(
        long,
        value_name = "LOGITS",
        help_heading = "Sampling",
        allow_negative_numbers = true
    )]
    pub presence_penalty: Option<f64>,
    /// Subtract this from the logits of tokens once per occurrence in the generated text.
    #[arg(
        long,
        value_name = "LOGITS",
        help_heading = "Sampling",
        allow_negative_numbers = true
    )]
    pub frequency_penalty: Option<f64>,
    /// Seed of the random numbers: the same seed draws the same tokens.
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub seed: Option<u64>,
}

impl SamplingArgs {
    /// Random draws with these settings, and a random seed if none is given.
    pub fn sampled(&self, defaults: &SamplingDefaults) -> SamplingParams {
        let defaults = defaults.params();
        let params = SamplingParams {
            temperature: self.temperature.unwrap_or(defaults.temperature),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            top_p: self.top_p.unwrap_or(defaults.top_p),
            min_p: self.min_p.unwrap_or(defaults.min_p),
            repetition_penalty: defaults.repetition_penalty,
            seed: self.seed.unwrap_or_else(made_up_seed),
            ..defaults
        };
        self.penalized(params)
    }

    /// Prints the random seed, so that the run can be repeated.
    pub fn show_seed(&self, params: &SamplingParams) {
        if self.seed.is_none() && !params.is_greedy() {
            let dim = anstyle::Style::new().dimmed();
            let seed = params.seed;
            anstream::eprintln!("{dim}--seed {seed} draws these tokens again{dim:#}");
        }
    }

    /// The most probable token, after the given penalties or the model's own one: as in transformers, it is no part of
    /// sampling.
    pub fn greedy(&self, defaults: &SamplingDefaults) -> SamplingParams {
        let usual = SamplingParams::default();
        self.penalized(SamplingParams {
            repetition_penalty: defaults.params().repetition_penalty,
            ..usual
        })
    }

    /// Ends the program if a value is out of range, or if settings were given without the flag that uses them.
    pub fn check(&self, flag: &str, given: bool, without_it: Option<&'static str>) {
        let refuse = |kind, message: String| -> ! { Args::command().error(kind, message).exit() };
        if let (false, Some(setting)) = (given, without_it) {
            let message = format!("{setting} does nothing without {flag}: add {flag}");
            refuse(ErrorKind::MissingRequiredArgument, message);
        }
        if let Err(error) = self.sampled(&SamplingDefaults::default()).check() {
            let message = error.to_string();
            refuse(
                ErrorKind::ValueValidation,
                message.trim_end_matches('.').to_owned(),
            );
        }
    }

    /// The first given setting that has no effect without draws.
    pub fn only_for_draws(&self) -> Option<&'static str> {
        let given = [
            ("--temperature", self.temperature.is_some()),
            ("--top-k", self.top_k.is_some()),
            ("--top-p", self.top_p.is_some()),
            ("--min-p", self.min_p.is_some()),
            ("--seed", self.seed.is_some()),
        ];
        given
            .into_iter()
            .find(|(_, given)| *given)
            .map(|(name, _)| name)
    }

    /// The first setting that was given.
    pub fn first_given(&self) -> Option<&'static str> {
        let penalties = [
            ("--repetition-penalty", self.repetition_penalty.is_some()),
            ("--presence-penalty", self.presence_penalty.is_some()),
            ("--frequency-penalty", self.frequency_penalty.is_some()),
        ];
        let given = penalties.into_iter().find(|(_, given)| *given);
        self.only_for_draws().or(given.map(|(name, _)| name))
    }

    fn penalized(&self, params: SamplingParams) -> SamplingParams {
        SamplingParams {
            repetition_penalty: self.repetition_penalty.unwrap_or(params.repetition_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(params.presence_penalty),
            frequency_penalty: self.frequency_penalty.unwrap_or(params.frequency_penalty),
            ..params
        }
    }
}

/// Lists on standard error the recommended settings of the model's files that are not supported.
pub fn show_not_followed(names: &[String]) {
    if !names.is_empty() {
        let dim = anstyle::Style::new().dimmed();
        let names = names.join(", ");
        anstream::eprintln!("{dim}the model's files also set {names}: not followed{dim:#}");
    }
}

/// Short enough to be typed again. The standard library seeds hash maps at random.
fn made_up_seed() -> u64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    random >> 32
}

impl GenerateArgs {
    /// Converts them to the engine's type.
    pub fn sampling_params(&self, defaults: &SamplingDefaults) -> SamplingParams {
        match self.sample {
            true => self.sampling.sampled(defaults),
            false => self.sampling.greedy(defaults),
        }
    }

    /// The recommended settings of the model's files that are not supported.
    pub fn not_followed<'a>(&self, defaults: &'a SamplingDefaults) -> &'a [String] {
        match self.sample {
            true => &defaults.not_followed,
            false => &[],
        }
    }
}
