use serde::{Deserialize, Serialize};

/// Profile of a pass, by timestamps on the GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassProfile {
    /// Positions in the cache before it.
    pub context: u32,
    /// Tokens of the pass: 1 when decoding.
    pub tokens: u32,
    /// Seconds on the GPU, all kernels together.
    pub seconds: f64,
    /// Its stages, in the order of the pass; layers are summed.
    pub kernels: Vec<KernelTime>,
}

/// GPU time of one operation, summed over the layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    /// The part of a step: `embed`, `attention`, `mlp`, `head` or `choice`.
    pub stage: String,
    /// What is computed, as `qkv_proj`.
    pub name: String,
    /// The shader that computes it.
    pub kernel: String,
    /// Kernel runs.
    pub dispatches: u32,
    /// Seconds of all of them.
    pub seconds: f64,
    /// Multiplications by weights, if there are any.
    pub weights: Option<u64>,
    /// Bytes of weights, or of keys and values, that must be read once; for single tokens.
    pub bytes: Option<u64>,
}

/// GPU time of a stage of one token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageTime {
    /// `embed`, `attention`, `mlp`, `head`, `choice` or `packet`.
    pub stage: String,
    /// The layer, if the stage belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Seconds. Browsers round to 100 µs.
    pub seconds: f64,
}
