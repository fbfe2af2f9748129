//! The hyperparameters of a model, in transformers' names.

use crate::gguf::Gguf;
use crate::{ModelError, rope};

/// The architectures that we run.
pub const SUPPORTED: &[&str] = &["llama"];

/// A decoder's hyperparameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `general.architecture`.
    pub architecture: String,
    /// `general.name`, or the architecture.
    pub name: String,
    /// Width of the residual stream.
    pub hidden_size: u32,
    /// Width of the MLP.
    pub intermediate_size: u32,
    /// Decoder layers.
    pub num_hidden_layers: u32,
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
    /// ε of the norms.
    pub rms_norm_eps: f32,
    /// Base of the rotary embedding.
    pub rope_theta: f32,
    /// Whether the output head is the embedding.
    pub tie_word_embeddings: bool,
}

impl Config {
    /// From a GGUF file's metadata.
    ///
    /// # Errors
    /// When the architecture is unknown, a key is missing or absurd, or a setting that would change
    /// the result is not supported.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, ModelError> {
        let architecture = gguf
            .string("general.architecture")
            .ok_or_else(|| ModelError::Missing("general.architecture".to_owned()))?
            .to_owned();
        if !SUPPORTED.contains(&architecture.as_str()) {
            let supported = SUPPORTED.join(", ");
            return Err(ModelError::UnknownArchitecture {
                name: architecture,
                supported,
            });
        }
        let keys = Keys {
            gguf,
            architecture: &architecture,
        };
        keys.refuse_unsupported()?;

        let heads = keys.required("attention.head_count")?;
        let hidden_size = keys.required("embedding_length")?;
        let embedding = gguf
            .tensor("token_embd.weight")
            .ok_or_else(|| ModelError::Missing("tensor token_embd.weight".to_owned()))?;
        let config = Self {
            name: gguf
                .string("general.name")
                .unwrap_or(&architecture)
                .to_owned(),
            hidden_size,
            intermediate_size: keys.required("feed_forward_length")?,
            num_hidden_layers: keys.required("block_count")?,
            num_attention_heads: heads,
            num_key_value_heads: keys.integer("attention.head_count_kv")?.unwrap_or(heads),
            head_dim: keys
                .integer("attention.key_length")?
                .unwrap_or(hidden_size / heads),
            vocab_size: embedding.shape.first().map_or(0, |rows| *rows as u32),
            max_position_embeddings: keys.required("context_length")?,
            rms_norm_eps: keys
                .float("attention.layer_norm_rms_epsilon")?
                .ok_or_else(|| keys.missing("attention.layer_norm_rms_epsilon"))?,
            rope_theta: keys.float("rope.freq_base")?.unwrap_or(10_000.0),
            tie_word_embeddings: gguf.tensor("output.weight").is_none(),
            architecture: architecture.clone(),
        };
        config.check(
            keys.integer("rope.dimension_count")?,
            keys.integer("attention.value_length")?,
        )?;
        Ok(config)
    }

    fn check(&self, rope_dim: Option<u32>, value_dim: Option<u32>) -> Result<(), ModelError> {
        let damaged = |what: String| Err(ModelError::Damaged(what));
        let unsupported = |what: String| Err(ModelError::Unsupported(what));
        if !self
            .num_attention_heads
            .is_multiple_of(self.num_key_value_heads)
        {
            return damaged(format!(
                "{} query heads cannot share {} key heads",
                self.num_attention_heads, self.num_key_value_heads
            ));
        }
        // Sizes far beyond any model would overflow the arithmetic of buffer sizes.
        let wide = [
            self.hidden_size,
            self.intermediate_size,
            self.vocab_size,
            self.head_dim,
        ];
        if wide.iter().any(|size| !(1..=1 << 24).contains(size))
            || self.num_hidden_layers > 4096
            || self.num_attention_heads.saturating_mul(self.head_dim) > 1 << 20
        {
            return damaged("its sizes are absurd".to_owned());
        }
        if !self.head_dim.is_multiple_of(4) {
            return unsupported(format!("heads of {} values", self.head_dim));
        }
        if rope_dim.is_some_and(|dim| dim != self.head_dim) {
            return unsupported("a rotary embedding of part of each head".to_owned());
        }
        if value_dim.is_some_and(|dim| dim != self.head_dim) {
            return unsupported("values of another width than keys".to_owned());
        }
        Ok(())
    }

    /// The rotary embedding's inverse frequencies, head_dim / 2 of them.
    #[must_use]
    pub fn inv_freq(&self) -> Vec<f32> {
        rope::inv_freq(self.rope_theta, self.head_dim)
    }

    /// Bytes that one token takes in the KV cache: 2 × layers × key heads × head_dim × 4.
    #[must_use]
    pub fn kv_bytes_per_token(&self) -> u64 {
        2 * 4
            * u64::from(self.num_hidden_layers)
            * u64::from(self.num_key_value_heads)
            * u64::from(self.head_dim)
    }
}

/// Metadata under an architecture's prefix.
struct Keys<'a> {
    gguf: &'a Gguf,
    architecture: &'a str,
}

impl Keys<'_> {
    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn missing(&self, key: &str) -> ModelError {
        ModelError::Missing(self.full(key))
    }

    fn integer(&self, key: &str) -> Result<Option<u32>, ModelError> {
        let Some(value) = self.gguf.get(&self.full(key)) else {
            return Ok(None);
        };
        match value.as_u64().and_then(|value| u32::try_from(value).ok()) {
            Some(value) if value > 0 => Ok(Some(value)),
            _ => Err(ModelError::Damaged(format!(
                "{} is not a size",
                self.full(key)
            ))),
        }
    }

    fn required(&self, key: &str) -> Result<u32, ModelError> {
        self.integer(key)?.ok_or_else(|| self.missing(key))
    }

    fn float(&self, key: &str) -> Result<Option<f32>, ModelError> {
        let Some(value) = self.gguf.get(&self.full(key)) else {
            return Ok(None);
        };
        match value.as_f64() {
            Some(value) if value.is_finite() && value > 0.0 => Ok(Some(value as f32)),
            _ => Err(ModelError::Damaged(format!(
                "{} is not a positive number",
                self.full(key)
            ))),
        }
    }

    /// Settings that change the result and that the kernels do not know.
    fn refuse_unsupported(&self) -> Result<(), ModelError> {
        let scaling = self.gguf.string(&self.full("rope.scaling.type"));
        if scaling.is_some_and(|kind| kind != "none")
            || self.gguf.tensor("rope_freqs.weight").is_some()
        {
            return Err(ModelError::Unsupported(
                "a scaled rotary embedding".to_owned(),
            ));
        }
        for (key, what) in [
            ("expert_count", "a mixture of experts"),
            ("attention.sliding_window", "sliding-window attention"),
        ] {
            if self
                .gguf
                .get(&self.full(key))
                .and_then(|value| value.as_u64())
                .unwrap_or(0)
                > 0
            {
                return Err(ModelError::Unsupported(what.to_owned()));
            }
        }
        for key in [
            "logit_scale",
            "embedding_scale",
            "residual_scale",
            "attention.scale",
        ] {
            if self.gguf.get(&self.full(key)).is_some() {
                return Err(ModelError::Unsupported(self.full(key)));
            }
        }
        Ok(())
    }
}
