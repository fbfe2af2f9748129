use serde::{Deserialize, Serialize};

use crate::Prompt;

/// A request to run one text in several formats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompareRequest {
    /// The beginning of the text.
    pub prompt: Prompt,
    /// Number of tokens that the first format adds.
    pub max_new_tokens: u32,
    /// The formats; all are compared with the first one.
    pub formats: Vec<CompareFormat>,
}

/// Formats of weights, activations and KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareFormat {
    /// Activations and KV cache in 32 bits, weights as they are in the files.
    F32,
    /// Activations and KV cache in 16 bits.
    F16,
    /// KV cache in 8 bits, the rest as usual.
    #[serde(rename = "kv-q8")]
    KvQ8,
    /// Weights as they are in the files, and activations in 8 bits wherever they are multiplied by quantised weights.
    A8,
    /// Float weights quantised to 8 bits, as in optimum-quanto.
    Q8,
    /// Float weights quantised to 4 bits, with a scale per row.
    Q4,
    /// Float weights quantised to 4 bits, with a scale per 128 weights.
    #[serde(rename = "q4-128")]
    Q4Group128,
}

/// Comparison of formats on one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompareReport {
    /// The prompt's ids.
    pub prompt_ids: Vec<u32>,
    /// The prompt and its continuation by the first format; all formats run this text.
    pub ids: Vec<u32>,
    /// In the order of the request.
    pub formats: Vec<FormatRow>,
}

/// A format compared with the first one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormatRow {
    /// Its name.
    pub format: String,
    /// Bytes of weights on the GPU.
    pub weight_bytes: u64,
    /// Bytes of keys and values per token.
    pub kv_bytes_per_token: u64,
    /// Its decode speed; `None` if it generated fewer than two tokens.
    pub decode_tokens_per_s: Option<f64>,
    /// Its own continuation of the prompt.
    pub own_ids: Vec<u32>,
    /// Mean of `FormatPosition::kl`.
    pub mean_kl: f64,
    /// Maximum of `FormatPosition::kl`.
    pub max_kl: f64,
    /// Share of positions with the same most probable token as the first format.
    pub top1_agreement: f64,
    /// Perplexity of the text from its second token on.
    pub perplexity: f64,
    /// One for each position.
    pub positions: Vec<FormatPosition>,
}

/// A format compared with the first one, at one position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormatPosition {
    /// Kullback-Leibler divergence of the next token's distribution, in nats.
    pub kl: f64,
    /// The most probable token.
    pub best: u32,
    /// Whether it is also the first format's most probable token.
    pub agrees: bool,
}
