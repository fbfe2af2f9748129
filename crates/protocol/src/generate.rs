use serde::{Deserialize, Serialize};
use vitrine_sampling::SamplingParams;

use crate::{Intervention, PacketParts};

/// A request to continue a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    /// What to continue.
    pub prompt: Prompt,
    /// At most this many new tokens (`max_new_tokens` of transformers).
    pub max_new_tokens: u32,
    /// How many candidates each `TokenStep` carries; 0 for none.
    pub top: u32,
    /// Whether to use the KV cache. Without it each step recomputes all keys and values.
    pub kv_cache: bool,
    /// The packet parts of each token.
    #[serde(default)]
    pub packet: PacketParts,
    /// The interventions of this run.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
    /// Sampling parameters; greedy by default.
    #[serde(default)]
    pub sampling: SamplingParams,
}

/// What to continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Text as it is.
    Text {
        /// The text.
        text: String,
    },
    /// One user message, rendered by the model's chat template.
    Chat {
        /// What the user says.
        user: String,
    },
    /// Token ids.
    Ids {
        /// The ids.
        ids: Vec<u32>,
    },
}

/// How a generation ended, and its timings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GenerateSummary {
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// The prompt's token ids.
    pub prompt_ids: Vec<u32>,
    /// The new token ids alone, with the end token if there was one.
    pub ids: Vec<u32>,
    /// Their text without special tokens; `None` without a tokenizer.
    pub text: Option<String>,
    /// Prompt tokens per second.
    pub prefill_tokens_per_s: f64,
    /// New tokens per second after the first; none if there was no second.
    pub decode_tokens_per_s: Option<f64>,
    /// From the request to the first new token, in seconds.
    pub time_to_first_token_s: f64,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FinishReason {
    /// The model wrote an end token.
    Stop,
    /// `max_new_tokens` is reached.
    Length,
    /// The context is full.
    Context,
    /// Somebody stopped it.
    Stopped,
}
