use std::fmt;

use serde::{Deserialize, Serialize};

/// What there is to say of a model without running it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelReport {
    /// transformers' class, `Phi3ForCausalLM`.
    pub class: String,
    /// The modules, as `print(model)` shows them in transformers.
    pub modules: ModuleNode,
    /// Parameters in all; a tied output head counts once.
    pub parameters: u64,
    /// What the weights take in the model's files; empty where only config.json is there.
    pub formats: Vec<FormatShare>,
    /// What a sequence takes.
    pub kv_cache: KvCacheReport,
    /// How heads and layers attend.
    pub attention: AttentionReport,
    /// The rotary embeddings; empty where positions are learned.
    pub ropes: Vec<RopeReport>,
    /// Longest sequence.
    pub max_position_embeddings: u32,
    /// The tokenizer, where the model has one.
    pub tokenizer: Option<TokenizerReport>,
}

/// A module and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleNode {
    /// Its name in its parent: `self_attn`, or `0-31` for a run of equal layers.
    pub name: String,
    /// `Linear(in_features=3072, out_features=9216, bias=False)`; a class alone where modules follow.
    pub description: String,
    /// The shape of its weight.
    pub shape: Option<Vec<u32>>,
    /// How many times it is there.
    pub count: u32,
    /// Parameters of it and of all that is in it, times `count`.
    pub parameters: u64,
    /// What is in it.
    pub children: Vec<ModuleNode>,
}

/// Indented, as PyTorch prints modules.
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

/// The weights of one number format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatShare {
    /// `Q4_1`, `BF16`.
    pub format: String,
    /// Tensors.
    pub tensors: u64,
    /// Weights.
    pub weights: u64,
    /// Bytes in the files.
    pub bytes: u64,
}

/// What keys and values take: 2 × layers × kv_heads × (head_dim × value_bytes + scale_bytes), per token.
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
    /// Bytes of the scale that each head has at each position; 0 for floats.
    pub scale_bytes: u64,
    /// Bytes per token.
    pub bytes_per_token: u64,
    /// Tokens of the context asked about.
    pub context: u32,
    /// Bytes of that context.
    pub context_bytes: u64,
}

/// How heads and layers attend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionReport {
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Query heads that share a key head.
    pub group: u32,
    /// `MHA`, `GQA` or `MQA`.
    pub kind: String,
    /// The window of each layer; none where a layer sees all positions.
    pub sliding_windows: Vec<Option<u32>>,
}

/// A rotary embedding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeReport {
    /// Base of the frequencies (`rope_theta`).
    pub theta: f32,
    /// Dimensions of each head that turn.
    pub dim: u32,
    /// `rope_type` in transformers' terms, with its factors.
    pub scaling: String,
    /// Factor on cosine and sine.
    pub attention_factor: f32,
    /// The layers that turn by it.
    pub layers: Vec<u32>,
}

/// What there is to say of a tokenizer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerReport {
    /// Tokens.
    pub tokens: u32,
    /// The token that begins a text.
    pub bos_token_id: Option<u32>,
    /// A token that ends a text.
    pub eos_token_id: Option<u32>,
    /// Whether there is a chat template.
    pub has_chat_template: bool,
}
