use serde::{Deserialize, Serialize};
use vitrine_sampling::SamplingParams;

use crate::{Intervention, PacketParts};

/// A request to continue a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    /// The prompt.
    pub prompt: Prompt,
    /// Maximum number of new tokens (`max_new_tokens` in transformers).
    pub max_new_tokens: u32,
    /// Number of candidates in each `TokenStep`; 0 for none.
    pub top: u32,
    /// Whether to keep keys and values between steps. If not, each step recomputes them.
    pub kv_cache: bool,
    /// Parts of each token's packet.
    #[serde(default)]
    pub packet: PacketParts,
    /// Interventions in this generation.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
    /// Sampling settings; greedy by default.
    #[serde(default)]
    pub sampling: SamplingParams,
}

/// A prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Text as it is.
    Text {
        /// The text.
        text: String,
    },
    /// A user message, rendered by the model's chat template.
    Chat {
        /// The message.
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
    /// The new token ids, including the end token if there was one.
    pub ids: Vec<u32>,
    /// The text of the new tokens without special tokens; `None` without a tokenizer.
    pub text: Option<String>,
    /// Prompt tokens per second.
    pub prefill_tokens_per_s: f64,
    /// New tokens per second after the first one; `None` if there was only one.
    pub decode_tokens_per_s: Option<f64>,
    /// Seconds from the request to the first new token.
    pub time_to_first_token_s: f64,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FinishReason {
    /// The model generated an end token.
    Stop,
    /// `max_new_tokens` was reached.
    Length,
    /// The context was full.
    Context,
    /// The user stopped it.
    Stopped,
}
