use std::fmt;

use serde::{Deserialize, Serialize};

/// Properties of a model that are known without running it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelReport {
    /// Class in transformers, such as `Phi3ForCausalLM`.
    pub class: String,
    /// Module tree, as shown by `print(model)` in transformers.
    pub modules: ModuleNode,
    /// Number of parameters; a tied output head counts once.
    pub parameters: u64,
    /// Weights in the model's files by format; empty if there is only a config.json.
    pub formats: Vec<FormatShare>,
    /// Size of the KV cache.
    pub kv_cache: KvCacheReport,
    /// Heads and windows.
    pub attention: AttentionReport,
    /// Rotary embeddings; empty if positions are learned.
    pub ropes: Vec<RopeReport>,
    /// Longest sequence.
    pub max_position_embeddings: u32,
    /// The tokenizer, if the model has one.
    pub tokenizer: Option<TokenizerReport>,
}

/// A module with its children.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleNode {
    /// Its name in its parent: `self_attn`, or `0-31` for several equal layers.
    pub name: String,
    /// `Linear(in_features=3072, out_features=9216, bias=False)`; only the class if it has children.
    pub description: String,
    /// Shape of its weight.
    pub shape: Option<Vec<u32>>,
    /// Number of equal modules that this node represents.
    pub count: u32,
    /// Parameters of the module and its children, times `count`.
    pub parameters: u64,
    /// Its children.
    pub children: Vec<ModuleNode>,
}

/// Prints the tree indented, as PyTorch does.
impl fmt::Display for ModuleNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, 0)
    }
}

impl ModuleNode {
    fn print(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        if self.count > 1 {
            write!(f, "{} x ", self.count)?;
        }
        if self.children.is_empty() {
            return f.write_str(&self.description);
        }
        writeln!(f, "{}(", self.description)?;
        for child in &self.children {
            write!(f, "{:width$}({}): ", "", child.name, width = 2 * depth + 2)?;
            child.print(f, depth + 1)?;
            writeln!(f)?;
        }
        write!(f, "{:width$})", "", width = 2 * depth)
    }
}

/// The weights of one format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatShare {
    /// The format, such as `Q4_1` or `BF16`.
    pub format: String,
    /// Number of tensors.
    pub tensors: u64,
    /// Number of weights.
    pub weights: u64,
    /// Bytes in the files.
    pub bytes: u64,
}

/// Size of the KV cache. Per token it is 2 × layers × kv_heads × (head_dim × value_bytes + scale_bytes) bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvCacheReport {
    /// Decoder layers.
    pub layers: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Values per head.
    pub head_dim: u32,
    /// Bytes per value.
    pub value_bytes: u64,
    /// Bytes of the scale per head and position; 0 for floats.
    pub scale_bytes: u64,
    /// Bytes per token.
    pub bytes_per_token: u64,
    /// Tokens of the requested context.
    pub context: u32,
    /// Bytes of that context.
    pub context_bytes: u64,
}

/// Heads and windows of attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionReport {
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Query heads per key head.
    pub group: u32,
    /// `MHA`, `GQA` or `MQA`.
    pub kind: String,
    /// Sliding window of each layer; `None` for a layer that attends to all positions.
    pub sliding_windows: Vec<Option<u32>>,
}

/// A rotary embedding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeReport {
    /// Base of the frequencies (`rope_theta`).
    pub theta: f32,
    /// Dimensions of each head that are rotated.
    pub dim: u32,
    /// transformers' `rope_type`, with its factors.
    pub scaling: String,
    /// Factor of cosine and sine.
    pub attention_factor: f32,
    /// The layers that use it.
    pub layers: Vec<u32>,
}

/// Properties of a tokenizer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerReport {
    /// Size of the vocabulary.
    pub tokens: u32,
    /// The token that starts a text.
    pub bos_token_id: Option<u32>,
    /// The token that ends a text.
    pub eos_token_id: Option<u32>,
    /// Whether there is a chat template.
    pub has_chat_template: bool,
}
