use serde::{Deserialize, Serialize};

use vitrine_sampling::SamplingParams;

use crate::{GenerateRequest, GenerateSummary, Intervention, PacketParts};

/// Several prompts to continue in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRequest {
    /// What to continue, each with its own limit. All keep their keys and values.
    pub sequences: Vec<GenerateRequest>,
    /// At most this many sequences run at a time; the others wait for a place.
    pub width: u32,
}

/// How a batch ended, and its throughput.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchSummary {
    /// One for each sequence, in the order of the request; times count from the beginning of the
    /// batch.
    pub sequences: Vec<GenerateSummary>,
    /// The most sequences that ran at a time.
    pub width: u32,
    /// New tokens of all sequences.
    pub tokens: u64,
    /// Seconds from the first prompt to the last token.
    pub seconds: f64,
    /// New tokens of all sequences per second, with the time that reading the prompts took.
    pub tokens_per_s: f64,
}

/// Another way to go on from the middle of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForkRequest {
    /// How many of its tokens are kept.
    pub position: u32,
    /// The token that follows them instead.
    pub token: u32,
    /// At most this many new tokens after it.
    pub max_new_tokens: u32,
    /// How many candidates each `TokenStep` carries; 0 for none.
    pub top: u32,
    /// What each token is to tell of itself.
    #[serde(default)]
    pub packet: PacketParts,
    /// What is different from the new token on; the tokens before it stay as they were read.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
    /// How tokens are chosen; greedily, if it is not said.
    #[serde(default)]
    pub sampling: SamplingParams,
}
