use serde::{Deserialize, Serialize};

/// GPU time of a pass by kernel, from timestamps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassProfile {
    /// Positions in the cache before it.
    pub context: u32,
    /// Tokens of the pass: 1 for decoding.
    pub tokens: u32,
    /// Seconds of all kernels together.
    pub seconds: f64,
    /// The kernels, in the order of the pass, summed over the layers.
    pub kernels: Vec<KernelTime>,
}

/// GPU time of a kernel, summed over the layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    /// The part of a step: `embed`, `attention`, `mlp`, `head` or `choice`.
    pub stage: String,
    /// What it computes, such as `qkv_proj`.
    pub name: String,
    /// The shader.
    pub kernel: String,
    /// Number of dispatches.
    pub dispatches: u32,
    /// Seconds of all of them.
    pub seconds: f64,
    /// Number of multiplications by weights, if there are any.
    pub weights: Option<u64>,
    /// Bytes of weights, or of keys and values, that it must read; for single tokens only.
    pub bytes: Option<u64>,
}

/// GPU time of a stage for one token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageTime {
    /// `embed`, `attention`, `mlp`, `head`, `choice` or `packet`.
    pub stage: String,
    /// The layer, if the stage belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Seconds; browsers round to 100 µs.
    pub seconds: f64,
}
