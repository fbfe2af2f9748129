//! Reading config.json. Defaults are those of transformers' configuration classes.

use serde_json::Value;

use super::json::Fields;
use super::rope_parameters::{self, RopeContext};
use super::{Biases, Config, LayerConfig, Norm, activation};
use crate::CheckpointError;
use crate::architecture::Architecture;
use crate::rope::Rope;

const FILE: &str = "config.json";

/// Bounds the layer list before `Config::check` refuses it; far above any model.
const MAX_LAYERS: u32 = 1 << 16;

/// Unsupported settings that would change the result in any architecture.
const UNSUPPORTED: &[(&str, &str)] = &[
    (
        "quantization_config",
        "weights quantised by another program",
    ),
    ("num_local_experts", "a mixture of experts"),
    ("num_experts", "a mixture of experts"),
    ("is_encoder_decoder", "an encoder"),
    ("add_cross_attention", "cross-attention"),
    ("use_bidirectional_attention", "bidirectional attention"),
    ("attention_chunk_size", "chunked attention"),
];

pub fn read(text: &[u8]) -> Result<Config, CheckpointError> {
    let not_json =
        |reason: String| CheckpointError::Damaged(format!("{FILE} is not JSON ({reason})"));
    let text = str::from_utf8(text).map_err(|error| not_json(error.to_string()))?;
    let value: Value = serde_json::from_str(text).map_err(|error| not_json(error.to_string()))?;
    let object = value
        .as_object()
        .ok_or_else(|| not_json("it is not an object".to_owned()))?;
    let fields = Fields::new(object, FILE);
    // A model that also sees keeps the configuration of its text part here.
    let (fields, classes) = match fields.object("text_config")? {
        Some(text) => (text, Vec::new()),
        None => (fields, fields.strings("architectures")?.unwrap_or_default()),
    };
    // As in transformers, the model_type says what it is; very old files only name a class.
    let model_type = fields.str("model_type")?;
    let by_type = model_type.map(Architecture::from_model_type);
    let architecture = match (by_type, classes.first()) {
        (Some(Ok(architecture)), _) => architecture,
        (_, Some(class)) => Architecture::from_class(class)?,
        (Some(Err(unknown)), None) => return Err(unknown),
        (None, None) => {
            return Err(CheckpointError::Missing(format!(
                "architectures or model_type in {FILE}"
            )));
        }
    };
    fields.refuse(UNSUPPORTED)?;
    match architecture {
        Architecture::Gpt2 => gpt2(&fields),
        _ => llama_family(&fields, architecture),
    }
}

/// Llama and the architectures derived from it.
fn llama_family(
    fields: &Fields<'_>,
    architecture: Architecture,
) -> Result<Config, CheckpointError> {
    use Architecture::{Gemma3, Llama, Mistral, Phi3, Qwen2, Qwen3};
    let hidden_size = fields.required("hidden_size")?;
    let heads = fields.required("num_attention_heads")?;
    let n_layers = fields.required("num_hidden_layers")?;
    let derived = hidden_size.checked_div(heads).unwrap_or(0);
    let head_dim = match (fields.u32("head_dim")?, architecture) {
        // The classes of Phi-3 and Qwen2 in transformers lack this field, but use it if it is set.
        (Some(head_dim), _) => head_dim,
        (None, Qwen3) => 128,
        (None, Gemma3) => 256,
        (None, _) => derived,
    };
    let default_positions = match architecture {
        Llama => 2048,
        Phi3 => 4096,
        Qwen2 | Qwen3 => 32_768,
        _ => 131_072,
    };
    let max_position_embeddings = fields
        .u32("max_position_embeddings")?
        .unwrap_or(default_positions);
    let around = RopeContext {
        default_theta: 10_000.0,
        head_dim,
        max_position_embeddings,
        default_original: match architecture {
            Phi3 => 4096,
            _ => max_position_embeddings,
        },
        yarn_is_longrope: architecture == Phi3,
    };
    let (ropes, layers) = if architecture == Gemma3 {
        gemma3_layers(fields, n_layers, &around)?
    } else {
        let rope = rope_parameters::read(fields, &around)?;
        (vec![rope], windows(fields, architecture, n_layers)?)
    };
    let attention_bias = fields.bool("attention_bias")?.unwrap_or(false);
    let asks_for_bias = matches!(architecture, Llama | Qwen3 | Gemma3);
    // Gemma's files name the function twice; the older `hidden_act` has no effect.
    let act = if architecture == Gemma3 {
        fields
            .str("hidden_activation")?
            .unwrap_or("gelu_pytorch_tanh")
    } else {
        fields.str("hidden_act")?.unwrap_or("silu")
    };
    let default_eps = if architecture == Phi3 { 1e-5 } else { 1e-6 };
    let default_kv_heads = match architecture {
        Mistral => 8.min(heads),
        Gemma3 => 4.min(heads),
        _ => heads,
    };
    // Null means one for each query head; absence means the class's default.
    let kv_heads = match fields.u32("num_key_value_heads")? {
        Some(kv_heads) => kv_heads,
        None if fields.is_null("num_key_value_heads") => heads,
        None => default_kv_heads,
    };
    // Gemma's `max_position_embeddings` already includes the scaling.
    let stretch = match ropes.as_slice() {
        [rope] => rope.stretch(),
        _ => 1.0,
    };
    Ok(Config {
        architecture,
        name: fields.str("_name_or_path")?.unwrap_or_default().to_owned(),
        hidden_size,
        intermediate_size: fields.required("intermediate_size")?,
        num_attention_heads: heads,
        num_key_value_heads: kv_heads,
        head_dim,
        vocab_size: fields.required("vocab_size")?,
        max_position_embeddings: (max_position_embeddings as f32 * stretch) as u32,
        norm: Norm::Rms,
        norm_eps: fields.f32("rms_norm_eps")?.unwrap_or(default_eps),
        norm_offset: if architecture == Gemma3 { 1.0 } else { 0.0 },
        qk_norm: matches!(architecture, Qwen3 | Gemma3),
        post_norms: architecture == Gemma3,
        hidden_act: activation(act)?,
        gated_mlp: true,
        bias: Biases {
            // Qwen2 always has a bias on q, k and v and never on o. Mistral and Phi-3 have none,
            // even if `attention_bias` is set.
            qkv: architecture == Qwen2 || (attention_bias && asks_for_bias),
            o: attention_bias && asks_for_bias,
            mlp: architecture == Llama && fields.bool("mlp_bias")?.unwrap_or(false),
        },
        attention_scale: match (architecture, fields.f32("query_pre_attn_scalar")?) {
            (Gemma3, scalar) => 1.0 / scalar.unwrap_or(256.0).sqrt(),
            _ => 1.0 / (head_dim as f32).sqrt(),
        },
        scale_by_layer: false,
        // Gemma 3 in transformers ignores attn_logit_softcapping.
        final_soft_cap: fields.f32("final_logit_softcapping")?,
        embedding_scale: if architecture == Gemma3 {
            (hidden_size as f32).sqrt()
        } else {
            1.0
        },
        learned_positions: false,
        ropes,
        layers,
        tie_word_embeddings: fields
            .bool("tie_word_embeddings")?
            .unwrap_or(architecture == Gemma3),
        pad_token_id: match fields.get("pad_token_id") {
            // An id that no token has, such as -1, pads nothing.
            Some(id) => id.as_u64().and_then(|id| u32::try_from(id).ok()),
            None if fields.is_null("pad_token_id") => None,
            None if architecture == Phi3 => Some(32_000),
            None if architecture == Gemma3 => Some(0),
            None => None,
        },
    })
}

/// The sliding windows of all architectures but Gemma.
fn windows(
    fields: &Fields<'_>,
    architecture: Architecture,
    n_layers: u32,
) -> Result<Vec<LayerConfig>, CheckpointError> {
    use Architecture::{Mistral, Phi3, Qwen2, Qwen3};
    let window = fields.u32("sliding_window")?;
    let of_layer = |sliding_window: Option<u32>| LayerConfig {
        sliding_window,
        rope: 0,
    };
    let everywhere =
        |window: Option<u32>| vec![of_layer(window); n_layers.min(MAX_LAYERS) as usize];
    Ok(match architecture {
        Phi3 => everywhere(window),
        Mistral if fields.is_null("sliding_window") => everywhere(None),
        Mistral => everywhere(Some(window.unwrap_or(4096))),
        Qwen2 | Qwen3 if fields.bool("use_sliding_window")? == Some(true) => {
            let window = Some(window.unwrap_or(4096)).filter(|_| !fields.is_null("sliding_window"));
            let from = fields.u32("max_window_layers")?.unwrap_or(28);
            let types = layer_types(fields, n_layers, |layer| layer >= from)?;
            types
                .iter()
                .map(|local| of_layer(window.filter(|_| *local)))
                .collect()
        }
        _ => {
            if layer_types(fields, n_layers, |_| false)?.contains(&true) {
                let what = "sliding_attention in its layer_types without a sliding window";
                return Err(CheckpointError::Unsupported(what.to_owned()));
            }
            everywhere(None)
        }
    })
}

/// The layers of Gemma 3: local ones, with a window and a rotary base of their own, between global ones.
fn gemma3_layers(
    fields: &Fields<'_>,
    n_layers: u32,
    around: &RopeContext,
) -> Result<(Vec<Rope>, Vec<LayerConfig>), CheckpointError> {
    let pattern = fields.u32("sliding_window_pattern")?.unwrap_or(6).max(1);
    let types = layer_types(fields, n_layers, |layer| {
        !(layer + 1).is_multiple_of(pattern)
    })?;
    let window = match fields.u32("sliding_window")? {
        None if fields.is_null("sliding_window") => None,
        window => Some(window.unwrap_or(4096)),
    };
    let nested = fields.object("rope_parameters")?;
    let of_type = |name: &str| nested.map_or(Ok(None), |nested| nested.object(name));
    let (global, local) = (of_type("full_attention")?, of_type("sliding_attention")?);
    if nested.is_some() && global.is_none() && local.is_none() {
        let what = "rope_parameters without layer types";
        return Err(CheckpointError::Unsupported(what.to_owned()));
    }
    let global = match fields.object("rope_scaling")? {
        Some(old) => Some(old),
        None => global,
    };
    let global_around = RopeContext {
        default_theta: 1_000_000.0,
        ..*around
    };
    let ropes = vec![
        rope_parameters::one(fields, global, "rope_theta", &global_around)?,
        rope_parameters::one(fields, local, "rope_local_base_freq", around)?,
    ];
    let layers = types.into_iter().map(|local| LayerConfig {
        sliding_window: window.filter(|_| local),
        rope: usize::from(local),
    });
    Ok((ropes, layers.collect()))
}

/// Whether each layer is local, by `layer_types` or, if the file has none, by `rule`.
fn layer_types(
    fields: &Fields<'_>,
    n_layers: u32,
    rule: impl Fn(u32) -> bool,
) -> Result<Vec<bool>, CheckpointError> {
    let Some(types) = fields.strings("layer_types")? else {
        return Ok((0..n_layers.min(MAX_LAYERS)).map(rule).collect());
    };
    if types.len() as u64 != u64::from(n_layers) {
        let what = format!("it has {n_layers} layers but {} layer_types", types.len());
        return Err(CheckpointError::Damaged(what));
    }
    let is_local = |name: &&str| match *name {
        "full_attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => Err(CheckpointError::Unsupported(format!(
            "layers of type {other}"
        ))),
    };
    types.iter().map(is_local).collect()
}

fn gpt2(fields: &Fields<'_>) -> Result<Config, CheckpointError> {
    // Files may use GPT-2's own field names or the general ones.
    let either = |own: &str, general: &str| match fields.u32(own)? {
        Some(value) => Ok(value),
        None => fields.required(general),
    };
    let hidden_size = either("n_embd", "hidden_size")?;
    let heads = either("n_head", "num_attention_heads")?;
    let head_dim = hidden_size.checked_div(heads).unwrap_or(0);
    if heads == 0 || !hidden_size.is_multiple_of(heads) {
        let what = format!("its width {hidden_size} is not divisible by {heads} heads");
        return Err(CheckpointError::Damaged(what));
    }
    let scaled = fields.bool("scale_attn_weights")?.unwrap_or(true);
    let n_layers = either("n_layer", "num_hidden_layers")?;
    let layer = LayerConfig {
        sliding_window: None,
        rope: 0,
    };
    Ok(Config {
        architecture: Architecture::Gpt2,
        name: fields.str("_name_or_path")?.unwrap_or_default().to_owned(),
        hidden_size,
        intermediate_size: fields
            .u32("n_inner")?
            .unwrap_or(hidden_size.saturating_mul(4)),
        num_attention_heads: heads,
        num_key_value_heads: heads,
        head_dim,
        vocab_size: fields.required("vocab_size")?,
        max_position_embeddings: either("n_positions", "max_position_embeddings")?,
        norm: Norm::Layer,
        norm_eps: fields.f32("layer_norm_epsilon")?.unwrap_or(1e-5),
        norm_offset: 0.0,
        qk_norm: false,
        post_norms: false,
        hidden_act: activation(fields.str("activation_function")?.unwrap_or("gelu_new"))?,
        gated_mlp: false,
        bias: Biases {
            qkv: true,
            o: true,
            mlp: true,
        },
        attention_scale: if scaled {
            1.0 / (head_dim as f32).sqrt()
        } else {
            1.0
        },
        scale_by_layer: fields
            .bool("scale_attn_by_inverse_layer_idx")?
            .unwrap_or(false),
        final_soft_cap: None,
        embedding_scale: 1.0,
        learned_positions: true,
        ropes: Vec::new(),
        layers: vec![layer; n_layers.min(MAX_LAYERS) as usize],
        tie_word_embeddings: fields.bool("tie_word_embeddings")?.unwrap_or(true),
        pad_token_id: None,
    })
}
