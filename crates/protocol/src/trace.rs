use serde::{Deserialize, Serialize};

use crate::Prompt;

/// A request for activations of the prefill of a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRequest {
    /// What to read.
    pub prompt: Prompt,
    /// The taps: `hidden_states`, `attentions.3`, `logits`, …; of all layers if none is named.
    pub taps: Vec<String>,
    /// Number of candidates of the logit lens of every layer and position, if requested.
    #[serde(default)]
    pub lens: Option<u32>,
    /// The interventions of this run.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
}

/// A change to the running model. Layers, heads and positions count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intervention {
    /// Scales the output of a query head, the input of `o_proj`.
    Head {
        /// The layer.
        layer: u32,
        /// The query head.
        head: u32,
        /// 0 ablates the head.
        factor: f32,
        /// Whether to add the mean of the head's output over the positions of the prompt, from a run without
        /// interventions: with factor 0 this is mean ablation.
        #[serde(default)]
        mean: bool,
    },
    /// The attention of a layer adds nothing to the residual stream.
    SkipAttention {
        /// The layer.
        layer: u32,
    },
    /// The MLP of a layer adds nothing to the residual stream.
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
    /// Replaces activations by those of another run at chosen positions.
    Patch {
        /// Of what.
        site: PatchSite,
        /// The query head, for [`PatchSite::Head`].
        #[serde(default)]
        head: u32,
        /// The layer.
        layer: u32,
        /// Which positions.
        positions: Vec<u32>,
        /// (positions, width of the site): hidden_size, or head_dim for a head.
        values: Vec<f32>,
    },
}

/// What a patch replaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchSite {
    /// The residual stream before the layer.
    #[default]
    Residual,
    /// The output of a query head, the input of `o_proj`.
    Head,
    /// The output of the MLP.
    MlpOut,
}
