use std::fmt;

use serde::{Deserialize, Serialize};

/// Where the page's model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// The site itself.
    Site {
        /// A name to show and to store it under, `smollm2-135m-instruct-q4_1`.
        name: String,
        /// The address of the model's `manifest.json`, relative to the page. See `xtask`'s
        /// `model.rs`.
        manifest_url: String,
    },
    /// The model hub.
    Hub {
        /// The model's id, `microsoft/Phi-3-mini-4k-instruct`.
        id: String,
        /// A branch, a tag or a commit, `main`.
        revision: String,
        /// One of several GGUF files there; none for the model that the repository is.
        file: Option<String>,
    },
    /// Files that the reader picked on this computer.
    Local {
        /// A name to show and to store them under: the folder's, or the file's.
        name: String,
        /// The names of the files.
        files: Vec<String>,
        /// Whether to copy them into the browser's storage.
        keep: bool,
    },
    /// Files that the reader picked once, and the browser's storage kept.
    Kept {
        /// The name they were stored under.
        name: String,
    },
}

/// How to reach the model hub. It is part of a command and of nothing that is stored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubAccess {
    /// Its address, `https://huggingface.co`.
    pub endpoint: String,
    /// An access token, for models that ask for one.
    pub token: Option<String>,
}

/// Without the token, which must not be logged.
impl fmt::Debug for HubAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubAccess")
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .finish()
    }
}

/// A model that the site offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteModel {
    /// Where it comes from.
    pub source: ModelSource,
    /// Its name.
    pub name: String,
    /// Length of its file; none where the manifest could not be read.
    pub bytes: Option<u64>,
    /// Whether the browser holds all of it, so that no download is needed.
    pub stored: bool,
}

/// A model in the browser's storage, complete or partial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredModel {
    /// Its key in the storage.
    pub key: String,
    /// Where it came from; loading this again reads or completes it.
    pub source: ModelSource,
    /// Its name.
    pub name: String,
    /// Bytes that are stored.
    pub done: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Whether it is complete.
    pub complete: bool,
}

/// Usage of the browser's storage for this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageRoom {
    /// Used bytes.
    pub used: u64,
    /// Free bytes.
    pub free: u64,
}

/// The loaded model, for the page's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelSummary {
    /// The model's own name (`general.name`).
    pub name: String,
    /// The architecture, `llama`.
    pub architecture: String,
    /// Number of weights.
    pub parameters: u64,
    /// The format of most weights, such as `Q4_1`.
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
    /// Whether the file has a chat template.
    pub has_chat_template: bool,
}

impl AdapterSummary {
    /// Whether it has timestamps.
    pub fn has_timestamps(&self) -> bool {
        self.features.iter().any(|it| it == "timestamps")
    }
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
