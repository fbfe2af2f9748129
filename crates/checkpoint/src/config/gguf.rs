//! Reading GGUF metadata. Keys: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>; defaults are
//! those of llama.cpp.

use super::rope_parameters::longrope_attention_factor;
use super::{Biases, Config, LayerConfig, Norm, RopeFactors};
use crate::architecture::Architecture;
use crate::rope::{Rope, RopeScaling};
use crate::{Activation, CheckpointError, Gguf};

pub fn read(gguf: &Gguf, factors: &RopeFactors) -> Result<Config, CheckpointError> {
    match (
        gguf.string("general.type"),
        gguf.string("general.architecture"),
    ) {
        (Some("adapter"), _) => return Err(CheckpointError::Adapter),
        (Some("mmproj"), _) | (_, Some("clip")) => {
            return Err(CheckpointError::OtherKind(
                "an image encoder (mmproj)".to_owned(),
            ));
        }
        (Some("vocab"), _) => {
            return Err(CheckpointError::OtherKind("only a vocabulary".to_owned()));
        }
        (Some("imatrix"), _) => {
            return Err(CheckpointError::OtherKind(
                "an importance matrix (imatrix)".to_owned(),
            ));
        }
        _ => {}
    }
    let name = gguf
        .string("general.architecture")
        .ok_or_else(|| CheckpointError::Missing("general.architecture".to_owned()))?;
    let architecture = Architecture::from_gguf(name)?;
    let keys = Keys {
        gguf,
        architecture: name,
    };
    keys.refuse_unsupported()?;

    let gemma3 = architecture == Architecture::Gemma3;
    let gpt2 = architecture == Architecture::Gpt2;
    let heads = keys.required("attention.head_count")?;
    let hidden_size = keys.required("embedding_length")?;
    let n_layers = keys.required("block_count")?;
    let head_dim = keys
        .integer("attention.key_length")?
        .unwrap_or_else(|| hidden_size.checked_div(heads).unwrap_or(0));
    if keys
        .integer("attention.value_length")?
        .is_some_and(|dim| dim != head_dim)
    {
        return Err(CheckpointError::Unsupported(
            "values of a different width than keys".to_owned(),
        ));
    }
    let vocab_size = gguf
        .tensor("token_embd.weight")
        .and_then(|tensor| tensor.shape.first().copied())
        .and_then(|rows| u32::try_from(rows).ok())
        .ok_or_else(|| CheckpointError::Missing("tensor token_embd.weight".to_owned()))?;
    let context = keys.required("context_length")?;
    let eps_key = if gpt2 {
        "attention.layer_norm_epsilon"
    } else {
        "attention.layer_norm_rms_epsilon"
    };
    let eps = keys.float(eps_key)?.ok_or_else(|| keys.missing(eps_key))?;
    let ropes = if gpt2 {
        Vec::new()
    } else {
        keys.ropes(architecture, head_dim, context, factors)?
    };
    let has = |tensor: &str| gguf.tensor(tensor).is_some();
    let layers = keys.layers(architecture, n_layers)?;
    // Gemma's `context_length` already includes the scaling.
    let stretch = match ropes.as_slice() {
        [rope] => rope.stretch(),
        _ => 1.0,
    };
    Ok(Config {
        architecture,
        name: gguf.string("general.name").unwrap_or_default().to_owned(),
        hidden_size,
        intermediate_size: keys.required("feed_forward_length")?,
        num_attention_heads: heads,
        num_key_value_heads: keys.integer("attention.head_count_kv")?.unwrap_or(heads),
        head_dim,
        vocab_size,
        max_position_embeddings: (context as f32 * stretch) as u32,
        norm: if gpt2 { Norm::Layer } else { Norm::Rms },
        norm_eps: eps,
        // The converter has already added Gemma's 1.
        norm_offset: 0.0,
        qk_norm: gemma3 || architecture == Architecture::Qwen3,
        post_norms: gemma3,
        hidden_act: if gemma3 || gpt2 {
            Activation::GeluTanh
        } else {
            Activation::Silu
        },
        gated_mlp: !gpt2,
        bias: Biases {
            qkv: has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias"),
            o: has("blk.0.attn_output.bias"),
            mlp: has("blk.0.ffn_down.bias"),
        },
        scale_by_layer: false,
        final_soft_cap: keys.float("final_logit_softcapping")?,
        // Gemma 3 27B scales by hidden_size / heads instead of head_dim.
        attention_scale: if gemma3 && n_layers == 62 {
            1.0 / ((hidden_size / heads.max(1)) as f32).sqrt()
        } else {
            1.0 / (head_dim as f32).sqrt()
        },
        embedding_scale: if gemma3 {
            (hidden_size as f32).sqrt()
        } else {
            1.0
        },
        learned_positions: gpt2,
        ropes,
        layers,
        tie_word_embeddings: !has("output.weight"),
        pad_token_id: gguf
            .get("tokenizer.ggml.padding_token_id")
            .and_then(|id| id.as_u64()?.try_into().ok()),
    })
}

/// The metadata under an architecture's prefix.
struct Keys<'a> {
    gguf: &'a Gguf,
    architecture: &'a str,
}

impl Keys<'_> {
    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn missing(&self, key: &str) -> CheckpointError {
        CheckpointError::Missing(self.full(key))
    }

    fn integer(&self, key: &str) -> Result<Option<u32>, CheckpointError> {
        let Some(value) = self.gguf.get(&self.full(key)) else {
            return Ok(None);
        };
        // One number, or the same number for each layer.
        let value = match value.as_array() {
            Some([first, others @ ..]) if others.iter().all(|other| other == first) => first,
            Some([_, _, ..]) => {
                let what = format!("{} with a different value for each layer", self.full(key));
                return Err(CheckpointError::Unsupported(what));
            }
            _ => value,
        };
        match value.as_u64().and_then(|value| u32::try_from(value).ok()) {
            Some(value) if value > 0 => Ok(Some(value)),
            _ => Err(CheckpointError::Damaged(format!(
                "{} is not an integer from 1 to 2^32 - 1",
                self.full(key)
            ))),
        }
    }

    fn required(&self, key: &str) -> Result<u32, CheckpointError> {
        self.integer(key)?.ok_or_else(|| self.missing(key))
    }

    fn float(&self, key: &str) -> Result<Option<f32>, CheckpointError> {
        let Some(value) = self.gguf.get(&self.full(key)) else {
            return Ok(None);
        };
        match value.as_f64() {
            Some(value) if value.is_finite() && value > 0.0 => Ok(Some(value as f32)),
            _ => Err(CheckpointError::Damaged(format!(
                "{} is not a positive number",
                self.full(key)
            ))),
        }
    }

    /// The divisor of positions, under its key or the older one; `None` where it changes nothing (0 or 1).
    fn rope_factor(&self) -> Result<Option<f32>, CheckpointError> {
        for key in ["rope.scaling.factor", "rope.scale_linear"] {
            let value = self.gguf.get(&self.full(key));
            match value.and_then(|value| value.as_f64().or(value.as_i64().map(|n| n as f64))) {
                None if value.is_none() => {}
                Some(0.0 | 1.0) => return Ok(None),
                _ => return self.float(key),
            }
        }
        Ok(None)
    }

    /// The rotary embeddings: a global and a local one for Gemma, one for other architectures.
    fn ropes(
        &self,
        architecture: Architecture,
        head_dim: u32,
        context: u32,
        factors: &RopeFactors,
    ) -> Result<Vec<Rope>, CheckpointError> {
        let gemma3 = architecture == Architecture::Gemma3;
        let dim = self.integer("rope.dimension_count")?.unwrap_or(head_dim);
        let default_theta = if gemma3 { 1_000_000.0 } else { 10_000.0 };
        let theta = self.float("rope.freq_base")?.unwrap_or(default_theta);
        let mut rope = Rope::new(theta, dim);
        rope.scaling = match self.gguf.string(&self.full("rope.scaling.type")) {
            Some("none" | "longrope") => RopeScaling::None,
            // As llama.cpp has it: a factor without a type is linear.
            None | Some("linear") => match self.rope_factor()? {
                Some(factor) => RopeScaling::Linear { factor },
                None => RopeScaling::None,
            },
            Some(other) => {
                let what = format!("the rotary scaling \"{other}\"");
                return Err(CheckpointError::Unsupported(what));
            }
        };
        if let Some(all) = &factors.all {
            rope.scaling = RopeScaling::Factors(all.clone());
        }
        match (&factors.short, &factors.long) {
            (Some(short), Some(long)) => {
                let original = self
                    .integer("rope.scaling.original_context_length")?
                    .unwrap_or(context);
                let stretch = f64::from(context) / f64::from(original);
                rope.attention_factor = self
                    .float("rope.scaling.attn_factor")?
                    .unwrap_or_else(|| longrope_attention_factor(stretch, original));
                rope.scaling = RopeScaling::LongRope {
                    short: short.clone(),
                    long: long.clone(),
                    original,
                };
            }
            (None, None) => {}
            _ => {
                let what = "tensor rope_factors_short.weight or rope_factors_long.weight";
                return Err(CheckpointError::Missing(what.to_owned()));
            }
        }
        let mut ropes = vec![rope];
        if gemma3 {
            let theta = self.float("rope.freq_base_swa")?.unwrap_or(10_000.0);
            ropes.push(Rope::new(theta, dim));
        }
        Ok(ropes)
    }

    fn layers(
        &self,
        architecture: Architecture,
        n_layers: u32,
    ) -> Result<Vec<LayerConfig>, CheckpointError> {
        let window = match self.gguf.get(&self.full("attention.sliding_window")) {
            None => None,
            // Some converters write 0 for "none".
            Some(value) if value.as_u64() == Some(0) => None,
            Some(_) => self.integer("attention.sliding_window")?,
        };
        let pattern_key = "attention.sliding_window_pattern";
        let pattern = match self.gguf.get(&self.full(pattern_key)) {
            Some(value) if value.as_array().is_some() => {
                let what = format!("{} as a list", self.full(pattern_key));
                return Err(CheckpointError::Unsupported(what));
            }
            _ => self.integer(pattern_key)?.unwrap_or(6),
        };
        let layer = |layer: u32| {
            let local = match architecture {
                Architecture::Gemma3 => !(layer + 1).is_multiple_of(pattern),
                _ => true,
            };
            LayerConfig {
                sliding_window: window.filter(|_| local),
                rope: usize::from(local && architecture == Architecture::Gemma3),
            }
        };
        Ok((0..n_layers.min(1 << 16)).map(layer).collect())
    }

    /// Refuses settings that would change the result and that the kernels do not support.
    fn refuse_unsupported(&self) -> Result<(), CheckpointError> {
        let number = |key: &str| {
            self.gguf
                .get(&self.full(key))
                .and_then(|value| value.as_u64())
        };
        if number("expert_count").unwrap_or(0) > 0 {
            return Err(CheckpointError::Unsupported(
                "a mixture of experts".to_owned(),
            ));
        }
        for key in [
            "logit_scale",
            "embedding_scale",
            "residual_scale",
            "attention.scale",
        ] {
            if self.gguf.get(&self.full(key)).is_some() {
                return Err(CheckpointError::Unsupported(self.full(key)));
            }
        }
        Ok(())
    }
}
