use serde::{Deserialize, Serialize};

/// The same generation twice: with the KV cache, and recomputing all keys and values at each step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceReport {
    /// The prompt's token ids.
    pub prompt_ids: Vec<u32>,
    /// With the KV cache.
    pub with_cache: RaceLane,
    /// Without it.
    pub without_cache: RaceLane,
    /// Whether both generated the same tokens.
    pub same_tokens: bool,
    /// Time without the cache over time with it, for all steps.
    pub time_ratio: f64,
    /// Operations without the cache over operations with it.
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

/// The cost of a new token.
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
