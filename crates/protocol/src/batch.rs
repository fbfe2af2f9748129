use serde::{Deserialize, Serialize};

use vitrine_sampling::SamplingParams;

use crate::{GenerateRequest, GenerateSummary, Intervention, PacketParts};

/// Several prompts to continue in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRequest {
    /// What to continue, each with its own limit. All use the KV cache.
    pub sequences: Vec<GenerateRequest>,
    /// At most this many sequences run at a time; the others wait for a slot.
    pub width: u32,
}

/// How a batch ended, and its throughput.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchSummary {
    /// One for each sequence, in the order of the request; times count from the beginning of the
    /// batch.
    pub sequences: Vec<GenerateSummary>,
    /// Maximum number of sequences that ran at a time.
    pub width: u32,
    /// New tokens of all sequences.
    pub tokens: u64,
    /// Seconds from the first prompt to the last token.
    pub seconds: f64,
    /// New tokens of all sequences per second, including the prefill.
    pub tokens_per_s: f64,
}

/// A request to continue from the middle of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForkRequest {
    /// How many of its tokens are kept.
    pub position: u32,
    /// The token that follows them.
    pub token: u32,
    /// At most this many new tokens after it.
    pub max_new_tokens: u32,
    /// How many candidates each `TokenStep` carries; 0 for none.
    pub top: u32,
    /// The packet parts of each token.
    #[serde(default)]
    pub packet: PacketParts,
    /// Interventions from the new token on; earlier tokens are unchanged.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
    /// Sampling parameters; greedy by default.
    #[serde(default)]
    pub sampling: SamplingParams,
}
