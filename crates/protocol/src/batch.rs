use serde::{Deserialize, Serialize};

use vitrine_sampling::SamplingParams;

use crate::{GenerateRequest, GenerateSummary, Intervention, PacketParts};

/// A request to continue several prompts together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRequest {
    /// The prompts, each with its own limit. All use the KV cache.
    pub sequences: Vec<GenerateRequest>,
    /// Maximum number of sequences that run at a time; the others wait.
    pub width: u32,
}

/// How a batch ended, and its throughput.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchSummary {
    /// One for each sequence, in the order of the request; times count from the start of the batch.
    pub sequences: Vec<GenerateSummary>,
    /// The highest number of sequences that ran at a time.
    pub width: u32,
    /// New tokens of all sequences.
    pub tokens: u64,
    /// Seconds from the first prompt to the last token.
    pub seconds: f64,
    /// New tokens of all sequences per second, including the time for prefill.
    pub tokens_per_s: f64,
}

/// A request to continue a sequence from an earlier position with another token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForkRequest {
    /// Number of tokens to keep.
    pub position: u32,
    /// The token that follows them.
    pub token: u32,
    /// Maximum number of new tokens after it.
    pub max_new_tokens: u32,
    /// Number of candidates in each `TokenStep`; 0 for none.
    pub top: u32,
    /// Parts of each token's packet.
    #[serde(default)]
    pub packet: PacketParts,
    /// Interventions from the new token on; the kept tokens are not computed again.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
    /// Sampling settings; greedy by default.
    #[serde(default)]
    pub sampling: SamplingParams,
}
