//! A check that the plan uses every tensor of a checkpoint. An unused one (a bias, a scale, another norm) would
//! change the result, so it is refused unless it is known to have no effect.

use std::collections::BTreeSet;

use vitrine_checkpoint::config::Norm;
use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{Checkpoint, CheckpointError};

use crate::ModelError;

/// The total bytes of the tensors that the plan uses. Fails if an unused one may have an effect.
pub fn used_bytes<S: ByteSource>(checkpoint: &Checkpoint<'_, S>) -> Result<u64, ModelError> {
    let used = used_names(checkpoint);
    let mut bytes = 0;
    for info in checkpoint.tensors() {
        if used.contains(&info.name) {
            bytes += info.bytes;
        } else if !is_harmless(&info.name, checkpoint) {
            return Err(CheckpointError::Unsupported(format!("the tensor {}", info.name)).into());
        }
    }
    Ok(bytes)
}

fn used_names<S: ByteSource>(checkpoint: &Checkpoint<'_, S>) -> BTreeSet<String> {
    let (config, names) = (&checkpoint.config, checkpoint.names());
    let prefix = checkpoint.prefix();
    let mut used = BTreeSet::new();
    let mut add = |name: String, bias: bool| {
        used.insert(format!("{name}.weight"));
        if bias {
            used.insert(format!("{name}.bias"));
        }
    };
    let norm_bias = config.norm == Norm::Layer;
    add(format!("{prefix}{}", names.embed_tokens), false);
    if config.learned_positions {
        add(format!("{prefix}{}", names.embed_positions), false);
    }
    add(format!("{prefix}{}", names.norm), norm_bias);
    if !config.tie_word_embeddings {
        add(names.lm_head.to_owned(), false);
    }
    for layer in 0..config.num_hidden_layers() {
        let mut add = |name: &str, bias: bool| {
            add(format!("{prefix}{}{layer}.{name}", names.layer), bias);
        };
        add(names.input_norm, norm_bias);
        add(names.mlp_norm, norm_bias);
        names.qkv.iter().for_each(|name| add(name, config.bias.qkv));
        add(names.o_proj, config.bias.o);
        names
            .gate_up
            .iter()
            .for_each(|name| add(name, config.bias.mlp));
        add(names.down_proj, config.bias.mlp);
        if config.qk_norm {
            names.qk_norm.iter().for_each(|name| add(name, false));
        }
        if config.post_norms {
            add(names.attn_out_norm, false);
            add(names.mlp_out_norm, false);
        }
    }
    used
}

/// Whether an unused tensor has no effect: tables and masks saved by older versions of transformers,
/// rotary divisors, which are part of the configuration, an output head tied to the embedding, and in folders what is
/// outside of the decoder, as transformers leaves it out too: a value head of a training, an image encoder.
fn is_harmless<S: ByteSource>(name: &str, checkpoint: &Checkpoint<'_, S>) -> bool {
    const ENDINGS: [&str; 4] = [
        ".rotary_emb.inv_freq",
        ".attn.bias",
        ".attn.masked_bias",
        ".attention.masked_bias",
    ];
    const FACTORS: [&str; 3] = [
        "rope_freqs.weight",
        "rope_factors_short.weight",
        "rope_factors_long.weight",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending))
        || FACTORS.contains(&name)
        || (checkpoint.config.tie_word_embeddings && name == "lm_head.weight")
        || (checkpoint.gguf.is_none() && !is_in_decoder(name, checkpoint))
}

fn is_in_decoder<S: ByteSource>(name: &str, checkpoint: &Checkpoint<'_, S>) -> bool {
    let (names, prefix) = (checkpoint.names(), checkpoint.prefix());
    let is_under = |start: &str| !start.is_empty() && name.starts_with(start);
    let alone = [names.embed_tokens, names.embed_positions, names.norm];
    is_under(prefix)
        || is_under(&format!("{prefix}{}", names.layer))
        || alone.iter().any(|alone| is_under(alone))
}
