use serde::{Deserialize, Serialize};

/// The same generation twice: keys and values kept, and computed anew at each step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceReport {
    /// The prompt's token ids.
    pub prompt_ids: Vec<u32>,
    /// With the KV cache.
    pub with_cache: RaceLane,
    /// Without it.
    pub without_cache: RaceLane,
    /// Whether both wrote the same tokens.
    pub same_tokens: bool,
    /// How many times as long all steps took without the cache.
    pub time_ratio: f64,
    /// How many times as many operations they were.
    pub flops_ratio: f64,
}

/// One of the two generations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceLane {
    /// The new token ids.
    pub ids: Vec<u32>,
    /// Their text; none without a tokenizer.
    pub text: Option<String>,
    /// One for each new token.
    pub steps: Vec<RaceStep>,
}

/// What a new token took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceStep {
    /// How many tokens went through the layers.
    pub tokens: u32,
    /// Seconds of this step, from the token before it (of the first: from the request).
    pub seconds: f64,
    /// Seconds of all steps so far.
    pub total_s: f64,
    /// Floating-point operations of this step, counted by the shapes: see `step_flops`.
    pub flops: u64,
    /// Bytes of keys and values that are kept for the next step.
    pub cache_bytes: u64,
}
