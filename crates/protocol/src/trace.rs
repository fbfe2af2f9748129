use serde::{Deserialize, Serialize};

use crate::Prompt;

/// A request to read a prompt and hand over what is inside on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRequest {
    /// What to read.
    pub prompt: Prompt,
    /// Which tensors: `hidden_states`, `attentions.3`, `logits`, …; of all layers where none is
    /// named.
    pub taps: Vec<String>,
    /// Read the logit lens of every layer and position with so many candidates.
    #[serde(default)]
    pub lens: Option<u32>,
    /// What is different in this run.
    #[serde(default)]
    pub interventions: Vec<Intervention>,
}

/// Something that is different in a run. Layers, heads and positions count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intervention {
    /// What a query head gives to `o_proj` is multiplied.
    Head {
        /// The layer.
        layer: u32,
        /// The query head.
        head: u32,
        /// 0 ablates the head.
        factor: f32,
        /// Add the mean of what the head gives over the positions of the prompt, in a run in which
        /// nothing is different: with factor 0 a mean ablation.
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
    /// The residual stream before a layer gets a vector more, at every position.
    Steer {
        /// The layer.
        layer: u32,
        /// (hidden_size).
        vector: Vec<f32>,
    },
    /// Values of another run at chosen positions.
    Patch {
        /// Of what.
        site: PatchSite,
        /// The query head, where the site is one.
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
    /// What a query head gives to `o_proj`.
    Head,
    /// The output of the MLP.
    MlpOut,
}
