use serde::{Deserialize, Serialize};

/// Where the page's model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSource {
    /// A name to show and to store it under, `smollm2-135m-instruct-q4_1`.
    pub name: String,
    /// The address of the model's `manifest.json`, relative to the page. See `xtask`'s `model.rs`.
    pub manifest_url: String,
}

/// A model that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// Where it comes from.
    pub source: ModelSource,
    /// Length of its file; none where the manifest could not be read.
    pub bytes: Option<u64>,
    /// Whether the browser holds all of it, so that no download is needed.
    pub stored: bool,
}

/// The loaded model, for the page's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// The model's own name (`general.name`).
    pub name: String,
    /// The architecture, `llama`.
    pub architecture: String,
    /// Number of weights.
    pub parameters: u64,
    /// The number format that holds most weights, `Q4_1`.
    pub format: String,
    /// Bytes of weights on the GPU.
    pub weight_bytes: u64,
    /// Bytes of the KV cache for one token.
    pub kv_bytes_per_token: u64,
    /// Decoder layers (`num_hidden_layers`).
    pub num_hidden_layers: u32,
    /// Query heads (`num_attention_heads`).
    pub num_attention_heads: u32,
    /// Key and value heads (`num_key_value_heads`).
    pub num_key_value_heads: u32,
    /// Width of the residual stream (`hidden_size`).
    pub hidden_size: u32,
    /// Rows of the embedding (`vocab_size`).
    pub vocab_size: u32,
    /// Longest sequence (`max_position_embeddings`).
    pub max_position_embeddings: u32,
    /// Whether the file brings a chat template.
    pub has_chat_template: bool,
}

/// An adapter and what it allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterSummary {
    /// The adapter's name, as its driver gives it; in a browser often only vendor and architecture.
    pub name: String,
    /// `Vulkan`, `Metal`, `Dx12` or `BrowserWebGpu`.
    pub backend: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `Cpu`, …
    pub device_type: String,
    /// The driver and its version, where known.
    pub driver: String,
    /// The features that matter here: `f16`, `subgroups`, `timestamps`.
    pub features: Vec<String>,
    /// Largest storage binding in bytes.
    pub max_storage_binding: u64,
    /// Largest buffer in bytes.
    pub max_buffer: u64,
}
