//! The hyperparameters of a model, named as in transformers, from config.json or GGUF metadata.

mod gguf;
mod hf;
mod json;
mod rope_parameters;

use crate::architecture::Architecture;
use crate::rope::Rope;
use crate::{Activation, CheckpointError, Gguf};

/// A decoder's hyperparameters: everything that the plan of kernels depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The family.
    pub architecture: Architecture,
    /// The model's name in the file (`general.name`, `_name_or_path`); may be empty.
    pub name: String,
    /// Width of the residual stream.
    pub hidden_size: u32,
    /// Width of the MLP.
    pub intermediate_size: u32,
    /// Query heads.
    pub num_attention_heads: u32,
    /// Key and value heads.
    pub num_key_value_heads: u32,
    /// Values per head.
    pub head_dim: u32,
    /// Rows of the embedding.
    pub vocab_size: u32,
    /// Longest sequence.
    pub max_position_embeddings: u32,
    /// The kind of all norms of the residual stream.
    pub norm: Norm,
    /// ε of the norms.
    pub norm_eps: f32,
    /// Added to the checkpoint's norm weights: Gemma multiplies by 1 + weight.
    pub norm_offset: f32,
    /// Whether each query and key head passes an RMSNorm before RoPE.
    pub qk_norm: bool,
    /// Whether the outputs of attention and MLP are normalised before they are added (Gemma).
    pub post_norms: bool,
    /// The MLP's activation function (`hidden_act`).
    pub hidden_act: Activation,
    /// Whether the MLP has a gate.
    pub gated_mlp: bool,
    /// Which projections have a bias.
    pub bias: Biases,
    /// Factor on attention scores.
    pub attention_scale: f32,
    /// Whether each layer divides attention scores by its number, counted from 1
    /// (`scale_attn_by_inverse_layer_idx`).
    pub scale_by_layer: bool,
    /// Bound on the magnitude of logits (`final_logit_softcapping`).
    pub final_soft_cap: Option<f32>,
    /// Factor on the embedding.
    pub embedding_scale: f32,
    /// Whether positions are learned vectors added to the embedding (GPT-2) instead of RoPE.
    pub learned_positions: bool,
    /// The rotary embeddings, which layers refer to by index. Empty where positions are learned.
    pub ropes: Vec<Rope>,
    /// The settings of each decoder layer.
    pub layers: Vec<LayerConfig>,
    /// Whether the output head shares the weights of the embedding.
    pub tie_word_embeddings: bool,
    /// The padding token. It appears in the module tree; no kernel uses it.
    pub pad_token_id: Option<u32>,
}

/// One decoder layer's own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerConfig {
    /// Positions that a query attends to, including its own; `None` for all.
    pub sliding_window: Option<u32>,
    /// Index in [`Config::ropes`].
    pub rope: usize,
}

/// How the residual stream is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// x / rms(x) · weight.
    Rms,
    /// (x - mean) / deviation · weight + bias.
    Layer,
}

/// Which projections have a bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Biases {
    /// Queries, keys and values.
    pub qkv: bool,
    /// The output projection of attention.
    pub o: bool,
    /// All projections of the MLP.
    pub mlp: bool,
}

impl Config {
    /// Parses config.json.
    ///
    /// # Errors
    /// When it is not JSON, the architecture is unknown, a field is missing or out of range, or a
    /// setting that would change the result is not supported.
    pub fn from_json(text: &[u8]) -> Result<Self, CheckpointError> {
        let config = hf::read(text)?;
        config.check()?;
        Ok(config)
    }

    /// Reads a GGUF file's metadata. `factors` has the contents of its tensors of rotary divisors.
    ///
    /// # Errors
    /// As [`Config::from_json`].
    pub fn from_gguf(gguf: &Gguf, factors: &RopeFactors) -> Result<Self, CheckpointError> {
        let config = gguf::read(gguf, factors)?;
        config.check()?;
        Ok(config)
    }

    /// The number of decoder layers.
    #[must_use]
    pub fn num_hidden_layers(&self) -> u32 {
        self.layers.len() as u32
    }

    /// Factor on attention scores in a layer, counted from 0.
    #[must_use]
    pub fn attention_scale_of(&self, layer: usize) -> f32 {
        if self.scale_by_layer {
            self.attention_scale / (layer + 1) as f32
        } else {
            self.attention_scale
        }
    }

    fn check(&self) -> Result<(), CheckpointError> {
        let damaged = |what: String| Err(CheckpointError::Damaged(what));
        let (heads, kv_heads) = (self.num_attention_heads, self.num_key_value_heads);
        // Malicious sizes would overflow the arithmetic of buffer sizes; these limits exceed any model.
        let wide = [
            self.hidden_size,
            self.intermediate_size,
            self.vocab_size,
            self.head_dim,
            self.max_position_embeddings,
        ];
        if wide.iter().any(|size| !(1..=1 << 24).contains(size))
            || !(1..=1024).contains(&self.layers.len())
            || heads == 0
            || kv_heads == 0
            || heads
                .saturating_add(kv_heads.saturating_mul(2))
                .saturating_mul(self.head_dim)
                > 1 << 20
        {
            return damaged("its configuration has sizes out of range".to_owned());
        }
        if !heads.is_multiple_of(kv_heads) {
            return damaged(format!(
                "{heads} query heads cannot share {kv_heads} key heads"
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            let what = format!("heads of {} values, an odd number", self.head_dim);
            return Err(CheckpointError::Unsupported(what));
        }
        let numbers = [self.norm_eps, self.attention_scale, self.embedding_scale];
        if numbers
            .iter()
            .any(|number| !number.is_finite() || *number < 0.0)
            || self
                .final_soft_cap
                .is_some_and(|cap| !cap.is_finite() || cap <= 0.0)
        {
            return damaged("its configuration has numbers out of range".to_owned());
        }
        if self
            .layers
            .iter()
            .any(|layer| layer.sliding_window == Some(0))
        {
            return damaged("its sliding window is empty".to_owned());
        }
        for rope in &self.ropes {
            if !rope.dim.is_multiple_of(2) || rope.dim > self.head_dim || rope.dim == 0 {
                let what = format!(
                    "a rotary embedding of {} of {} dimensions",
                    rope.dim, self.head_dim
                );
                return Err(CheckpointError::Unsupported(what));
            }
            rope.check()?;
        }
        Ok(())
    }
}

/// The optional rotary divisors of a GGUF file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RopeFactors {
    /// `rope_freqs.weight`.
    pub all: Option<Vec<f32>>,
    /// `rope_factors_short.weight`.
    pub short: Option<Vec<f32>>,
    /// `rope_factors_long.weight`.
    pub long: Option<Vec<f32>>,
}

/// Parses transformers' name of an activation function.
fn activation(name: &str) -> Result<Activation, CheckpointError> {
    Ok(match name {
        "silu" | "swish" => Activation::Silu,
        "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
        "gelu" => Activation::Gelu,
        "relu" => Activation::Relu,
        _ => {
            let what = format!("the activation function \"{name}\"");
            return Err(CheckpointError::Unsupported(what));
        }
    })
}
