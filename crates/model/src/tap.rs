//! Taps: the activations of a model that can be read, in transformers' terms.

use std::fmt;
use std::str::FromStr;

use vitrine_checkpoint::Config;

use crate::ModelError;

/// An intermediate tensor of a pass. Layers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tap {
    /// The output of `embed_tokens`, (positions, hidden_size).
    Embedding,
    /// The residual stream before layer l, and after the final norm for l = `num_hidden_layers`:
    /// `output_hidden_states` of transformers. (positions, hidden_size).
    HiddenStates(u32),
    /// Queries before RoPE and after the query norm, if there is one, (heads, positions, head_dim).
    QProj(u32),
    /// Keys before RoPE and after the key norm, if there is one, (kv_heads, positions, head_dim).
    KProj(u32),
    /// Queries after RoPE, (heads, positions, head_dim).
    Q(u32),
    /// Keys after RoPE, as in the cache, (kv_heads, positions, head_dim).
    K(u32),
    /// Values, (kv_heads, positions, head_dim).
    V(u32),
    /// Attention probabilities, `output_attentions` of transformers, (heads, positions, positions).
    Attentions(u32),
    /// The output of each head, the input of `o_proj`, (positions, heads, head_dim).
    HeadOut(u32),
    /// The output of the attention module, before the norm that follows it in some models,
    /// (positions, hidden_size).
    AttnOut(u32),
    /// The neurons, the input of `down_proj`, (positions, intermediate_size).
    MlpAct(u32),
    /// The output of the MLP, before the norm that follows it in some models,
    /// (positions, hidden_size).
    MlpOut(u32),
    /// The logit lens: final norm and output head applied to the residual stream before layer l,
    /// (positions, vocab_size).
    Lens(u32),
    /// The logits, (positions, vocab_size).
    Logits,
}

/// A tap's name, and its constructor for a layer.
type Named = (&'static str, fn(u32) -> Tap);

/// Taps that every layer has.
const BY_LAYER: [Named; 12] = [
    ("hidden_states", Tap::HiddenStates),
    ("attentions", Tap::Attentions),
    ("q_proj", Tap::QProj),
    ("k_proj", Tap::KProj),
    ("q", Tap::Q),
    ("k", Tap::K),
    ("v", Tap::V),
    ("head_out", Tap::HeadOut),
    ("attn_out", Tap::AttnOut),
    ("mlp_act", Tap::MlpAct),
    ("mlp_out", Tap::MlpOut),
    ("lens", Tap::Lens),
];

impl fmt::Display for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, layer) = match self {
            Self::Embedding => return f.write_str("embedding"),
            Self::Logits => return f.write_str("logits"),
            Self::HiddenStates(layer) => ("hidden_states", layer),
            Self::Attentions(layer) => ("attentions", layer),
            Self::QProj(layer) => ("q_proj", layer),
            Self::KProj(layer) => ("k_proj", layer),
            Self::Q(layer) => ("q", layer),
            Self::K(layer) => ("k", layer),
            Self::V(layer) => ("v", layer),
            Self::HeadOut(layer) => ("head_out", layer),
            Self::AttnOut(layer) => ("attn_out", layer),
            Self::MlpAct(layer) => ("mlp_act", layer),
            Self::MlpOut(layer) => ("mlp_out", layer),
            Self::Lens(layer) => ("lens", layer),
        };
        write!(f, "{name}.{layer}")
    }
}

impl FromStr for Tap {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let unknown = || ModelError::UnknownTap {
            name: text.to_owned(),
            known: names(),
        };
        match text.split_once('.') {
            None if text == "embedding" => Ok(Self::Embedding),
            None if text == "logits" => Ok(Self::Logits),
            None => Err(unknown()),
            Some((name, layer)) => {
                let make = BY_LAYER.iter().find(|(known, _)| *known == name);
                let (_, make) = make.ok_or_else(unknown)?;
                Ok(make(layer.parse().map_err(|_| unknown())?))
            }
        }
    }
}

impl Tap {
    /// Parses a list such as `hidden_states,attentions.3,logits`. A name without a layer means all layers; the
    /// result is sorted and has no duplicates.
    ///
    /// # Errors
    /// When a name is unknown, or the model has no such layer.
    pub fn parse_list(list: &str, config: &Config) -> Result<Vec<Self>, ModelError> {
        let mut taps = Vec::new();
        let names = list.split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            let of_layer = BY_LAYER.iter().find(|(known, _)| *known == name);
            match of_layer {
                Some((_, make)) => taps.extend((0..make(0).layers(config)).map(make)),
                None => taps.push(name.parse()?),
            }
        }
        taps.sort_unstable();
        taps.dedup();
        taps.iter().try_for_each(|tap| tap.check(config))?;
        Ok(taps)
    }

    /// How many layers have this tap.
    fn layers(self, config: &Config) -> u32 {
        config.num_hidden_layers() + u32::from(matches!(self, Self::HiddenStates(_)))
    }

    /// The layer, if the tap belongs to one.
    #[must_use]
    pub fn layer(self) -> Option<u32> {
        match self {
            Self::Embedding | Self::Logits => None,
            Self::HiddenStates(layer)
            | Self::Attentions(layer)
            | Self::QProj(layer)
            | Self::KProj(layer)
            | Self::Q(layer)
            | Self::K(layer)
            | Self::V(layer)
            | Self::HeadOut(layer)
            | Self::AttnOut(layer)
            | Self::MlpAct(layer)
            | Self::MlpOut(layer)
            | Self::Lens(layer) => Some(layer),
        }
    }

    /// Checks that the model has this tap.
    ///
    /// # Errors
    /// When it has no such layer.
    pub fn check(self, config: &Config) -> Result<(), ModelError> {
        let layers = self.layers(config);
        match self.layer() {
            Some(layer) if layer >= layers => Err(ModelError::NoSuchTap {
                tap: self.to_string(),
                last: layers - 1,
            }),
            _ => Ok(()),
        }
    }

    /// The shape of the tensor for a sequence of `positions`.
    #[must_use]
    pub fn shape(self, config: &Config, positions: u32) -> Vec<usize> {
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let shape = match self {
            Self::Embedding | Self::HiddenStates(_) | Self::AttnOut(_) | Self::MlpOut(_) => {
                vec![positions, config.hidden_size]
            }
            Self::Attentions(_) => vec![heads, positions, positions],
            Self::Q(_) | Self::QProj(_) => vec![heads, positions, config.head_dim],
            Self::K(_) | Self::KProj(_) | Self::V(_) => vec![kv_heads, positions, config.head_dim],
            Self::HeadOut(_) => vec![positions, heads, config.head_dim],
            Self::MlpAct(_) => vec![positions, config.intermediate_size],
            Self::Lens(_) | Self::Logits => vec![positions, config.vocab_size],
        };
        shape.into_iter().map(|size| size as usize).collect()
    }

    /// Bytes of the tensor in f32.
    #[must_use]
    pub fn bytes(self, config: &Config, positions: u32) -> u64 {
        let shape = self.shape(config, positions);
        shape.into_iter().map(|size| size as u64).product::<u64>() * 4
    }
}

/// All names, for error messages.
fn names() -> String {
    let mut names = vec!["embedding"];
    names.extend(BY_LAYER.iter().map(|(name, _)| *name));
    names.push("logits");
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for tap in [Tap::Embedding, Tap::Logits, Tap::HiddenStates(3), Tap::K(0)] {
            assert_eq!(tap.to_string().parse::<Tap>().ok(), Some(tap));
        }
        for wrong in [
            "",
            "hidden_states",
            "q.",
            "q.x",
            "q.-1",
            "thoughts.3",
            "logits.1",
        ] {
            assert!(wrong.parse::<Tap>().is_err(), "{wrong}");
        }
    }
}
