use serde::{Deserialize, Serialize};

/// The same generation twice: with the KV cache, and with keys and values recomputed at each step.
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
    /// Time of all steps without the cache, divided by that with it.
    pub time_ratio: f64,
    /// Operations of all steps without the cache, divided by those with it.
    pub flops_ratio: f64,
}

/// One of the two generations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceLane {
    /// The new token ids.
    pub ids: Vec<u32>,
    /// Their text; `None` without a tokenizer.
    pub text: Option<String>,
    /// One for each new token.
    pub steps: Vec<RaceStep>,
}

/// Cost of a new token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceStep {
    /// Number of tokens computed by the layers.
    pub tokens: u32,
    /// Seconds since the previous token, or since the request for the first one.
    pub seconds: f64,
    /// Seconds of all steps so far.
    pub total_s: f64,
    /// Floating-point operations of this step, derived from the shapes: see `step_flops`.
    pub flops: u64,
    /// Bytes of keys and values in the cache after this step.
    pub cache_bytes: u64,
}
