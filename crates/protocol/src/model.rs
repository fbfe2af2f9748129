use std::fmt;

use serde::{Deserialize, Serialize};

/// Source of the page's model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// The site itself.
    Site {
        /// Name for display and storage, such as `smollm2-135m-instruct-q4_1`.
        name: String,
        /// Address of the model's `manifest.json`, relative to the page. See `xtask`'s `model.rs`.
        manifest_url: String,
    },
    /// The model hub.
    Hub {
        /// The model's id, such as `microsoft/Phi-3-mini-4k-instruct`.
        id: String,
        /// A branch, a tag or a commit, such as `main`.
        revision: String,
        /// One of the repository's GGUF files; `None` to use the repository as a whole.
        file: Option<String>,
    },
    /// Files that the user picked on this computer.
    Local {
        /// Name for display and storage: that of the folder or the file.
        name: String,
        /// Names of the files.
        files: Vec<String>,
        /// Whether to copy them to the browser's storage.
        keep: bool,
    },
    /// Files that the user picked earlier, from the browser's storage.
    Kept {
        /// Name in the storage.
        name: String,
    },
}

/// Access to the model hub. Part of a command; never stored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubAccess {
    /// Its address, such as `https://huggingface.co`.
    pub endpoint: String,
    /// Access token, for models that require one.
    pub token: Option<String>,
}

/// Hides the token, which must not appear in logs.
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
    /// Its source.
    pub source: ModelSource,
    /// Its name.
    pub name: String,
    /// Length of its file; `None` if the manifest could not be read.
    pub bytes: Option<u64>,
    /// Whether it is complete in the browser's storage.
    pub stored: bool,
}

/// A complete or partial model in the browser's storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredModel {
    /// Its key in the storage.
    pub key: String,
    /// Its source; loading it again reads or completes the stored files.
    pub source: ModelSource,
    /// Its name.
    pub name: String,
    /// Stored bytes.
    pub done: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Whether it is complete.
    pub complete: bool,
}

/// Use of the browser's storage for this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageRoom {
    /// Used bytes.
    pub used: u64,
    /// Free bytes.
    pub free: u64,
}

/// Summary of a loaded model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelSummary {
    /// The model's own name (`general.name`).
    pub name: String,
    /// The architecture, such as `llama`.
    pub architecture: String,
    /// Number of parameters.
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
    /// Whether the model has a chat template.
    pub has_chat_template: bool,
}

impl AdapterSummary {
    /// Whether it supports timestamps.
    pub fn has_timestamps(&self) -> bool {
        self.features.iter().any(|it| it == "timestamps")
    }
}

/// An adapter with its features and limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterSummary {
    /// Name reported by the driver; in browsers often only vendor and architecture.
    pub name: String,
    /// `Vulkan`, `Metal`, `Dx12` or `BrowserWebGpu`.
    pub backend: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `Cpu`, …
    pub device_type: String,
    /// Driver and version, if known.
    pub driver: String,
    /// Relevant features: `f16`, `subgroups`, `timestamps`.
    pub features: Vec<String>,
    /// Maximum size of a storage binding, in bytes.
    pub max_storage_binding: u64,
    /// Maximum size of a buffer, in bytes.
    pub max_buffer: u64,
}
