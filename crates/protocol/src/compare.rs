use serde::{Deserialize, Serialize};

use crate::Prompt;

/// A request to compare weight formats on one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompareRequest {
    /// The beginning of the text.
    pub prompt: Prompt,
    /// How many tokens the first format appends.
    pub max_new_tokens: u32,
    /// The formats; all are compared with the first.
    pub formats: Vec<CompareFormat>,
}

/// A way to load a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareFormat {
    /// Activations and KV cache in 32 bits, weights as they are in the files.
    F32,
    /// Activations and KV cache in 16 bits.
    F16,
    /// KV cache in 8 bits, the rest as by default.
    #[serde(rename = "kv-q8")]
    KvQ8,
    /// Weights as they are in the files, and activations in 8 bits wherever they are multiplied by
    /// quantised ones.
    A8,
    /// Float weights in 8 bits, as optimum-quanto quantises them.
    Q8,
    /// Float weights in 4 bits, a scale for each row.
    Q4,
    /// Float weights in 4 bits, a scale for each 128 weights.
    #[serde(rename = "q4-128")]
    Q4Group128,
}

/// A comparison of weight formats on one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompareReport {
    /// The prompt's ids.
    pub prompt_ids: Vec<u32>,
    /// The prompt and the first format's continuation, which all formats read.
    pub ids: Vec<u32>,
    /// In order of the request.
    pub formats: Vec<FormatRow>,
}

/// A format, compared with the first one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormatRow {
    /// Its name.
    pub format: String,
    /// Bytes of weights on the GPU.
    pub weight_bytes: u64,
    /// Bytes of keys and values per token.
    pub kv_bytes_per_token: u64,
    /// Its speed; none if it wrote fewer than two tokens.
    pub decode_tokens_per_s: Option<f64>,
    /// Its own continuation.
    pub own_ids: Vec<u32>,
    /// Mean of `FormatPosition::kl`.
    pub mean_kl: f64,
    /// The largest of them.
    pub max_kl: f64,
    /// Of all positions, the share that has the same most probable token.
    pub top1_agreement: f64,
    /// Of the text from its second token on.
    pub perplexity: f64,
    /// One for each position.
    pub positions: Vec<FormatPosition>,
}

/// A format at one position, compared with the first one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormatPosition {
    /// Kullback-Leibler divergence of the next token's distribution, in nats.
    pub kl: f64,
    /// The most probable token.
    pub best: u32,
    /// Whether it is the first format's, too.
    pub agrees: bool,
}
