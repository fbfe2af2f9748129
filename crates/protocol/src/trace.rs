use serde::{Deserialize, Serialize};

use crate::Prompt;

/// A request to run a prompt and return tensors of the pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRequest {
    /// The prompt.
    pub prompt: Prompt,
    /// The tensors: `hidden_states`, `attentions.3`, `logits`, …; of all layers if none is named.
    pub taps: Vec<String>,
    /// Also returns the logit lens of all layers and positions, with this many candidates.
    #[serde(default)]
    pub lens: Option<u32>,
    /// Interventions in this run.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
}

/// A change to the running model. Layers, heads and positions count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intervention {
    /// Scales the output of a query head, which is part of the input of `o_proj`.
    Head {
        /// The layer.
        layer: u32,
        /// The query head.
        head: u32,
        /// 0 ablates the head.
        factor: f32,
        /// Also adds the mean of the head's output over the positions of the prompt, from a run without interventions.
        /// With factor 0 this is a mean ablation.
        #[serde(default)]
        mean: bool,
    },
    /// Skips the attention of a layer: it adds nothing to the residual stream.
    SkipAttention {
        /// The layer.
        layer: u32,
    },
    /// Skips the MLP of a layer: it adds nothing to the residual stream.
    SkipMlp {
        /// The layer.
        layer: u32,
    },
    /// Adds a vector to the residual stream before a layer, at every position.
    Steer {
        /// The layer.
        layer: u32,
        /// (hidden_size).
        vector: Vec<f32>,
    },
    /// Replaces an activation at some positions by values of another run.
    Patch {
        /// The replaced activation.
        site: PatchSite,
        /// The query head, if the site is one.
        #[serde(default)]
        head: u32,
        /// The layer.
        layer: u32,
        /// The positions.
        positions: Vec<u32>,
        /// (positions, width of the site): hidden_size, or head_dim for a head.
        values: Vec<f32>,
    },
}

/// The activation that a patch replaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchSite {
    /// The residual stream before the layer.
    #[default]
    Residual,
    /// The output of a query head, which is part of the input of `o_proj`.
    Head,
    /// The output of the MLP.
    MlpOut,
}
