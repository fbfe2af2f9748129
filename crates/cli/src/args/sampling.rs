//! How tokens are chosen.

use std::hash::{BuildHasher, Hasher};

use clap::CommandFactory;
use clap::error::ErrorKind;
use vitrine_protocol::{SamplingDefaults, SamplingParams};

use super::{Args, GenerateArgs};

/// The settings of sampling; what is not given is the model's own, or transformers' default.
#[derive(clap::Args)]
pub struct SamplingArgs {
    /// Divide the logits by this: below 1 sharpens, above 1 flattens, 0 takes the most probable.
    #[arg(long, value_name = "T", help_heading = "Sampling")]
    pub temperature: Option<f64>,
    /// Keep the K best tokens; 0 for all.
    #[arg(long, value_name = "K", help_heading = "Sampling")]
    pub top_k: Option<u32>,
    /// Keep the most probable tokens that have this probability together.
    #[arg(long, value_name = "P", help_heading = "Sampling")]
    pub top_p: Option<f64>,
    /// Keep tokens that are at least so probable relative to the most probable one.
    #[arg(long, value_name = "P", help_heading = "Sampling")]
    pub min_p: Option<f64>,
    /// Make tokens of the prompt and of the answer less probable: above 1.
    #[arg(long, value_name = "FACTOR", help_heading = "Sampling")]
    pub repetition_penalty: Option<f64>,
    /// Take this off the logits of tokens that were generated.
    #[arg(
        long,
        value_name = "LOGITS",
        help_heading = "Sampling",
        allow_negative_numbers = true
    )]
    pub presence_penalty: Option<f64>,
    /// Take this off the logits of tokens for each time that they were generated.
    #[arg(
        long,
        value_name = "LOGITS",
        help_heading = "Sampling",
        allow_negative_numbers = true
    )]
    pub frequency_penalty: Option<f64>,
    /// Where the random numbers begin: the same seed draws the same tokens.
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub seed: Option<u64>,
}

impl SamplingArgs {
    /// Drawing by chance with these settings; without a seed, with one made up.
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

    /// Says which seed was made up, so that the run can be repeated.
    pub fn show_seed(&self, params: &SamplingParams) {
        if self.seed.is_none() && !params.is_greedy() {
            let dim = anstyle::Style::new().dimmed();
            let seed = params.seed;
            anstream::eprintln!("{dim}--seed {seed} draws these tokens again{dim:#}");
        }
    }

    /// The most probable token, after the penalties that were given.
    pub fn greedy(&self) -> SamplingParams {
        self.penalized(SamplingParams::default())
    }

    /// Ends the program where a number is out of its range, or where settings were given without the
    /// flag that makes use of them.
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

    /// The first setting that means nothing where tokens are not drawn.
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

/// Names on standard error what the model's files recommend and nobody does.
pub fn show_not_followed(names: &[String]) {
    if !names.is_empty() {
        let dim = anstyle::Style::new().dimmed();
        let names = names.join(", ");
        anstream::eprintln!("{dim}the model's files also set {names}: not followed{dim:#}");
    }
}

/// Short enough to be typed again. The standard library's hash maps are seeded by chance.
fn made_up_seed() -> u64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    random >> 32
}

impl GenerateArgs {
    /// As the engine takes them.
    pub fn sampling_params(&self, defaults: &SamplingDefaults) -> SamplingParams {
        match self.sample {
            true => self.sampling.sampled(defaults),
            false => self.sampling.greedy(),
        }
    }

    /// What the model's files recommend for draws, and nobody does.
    pub fn not_followed<'a>(&self, defaults: &'a SamplingDefaults) -> &'a [String] {
        match self.sample {
            true => &defaults.not_followed,
            false => &[],
        }
    }
}
