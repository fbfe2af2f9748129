use serde::{Deserialize, Serialize};

/// Where the time of a pass goes, by timestamps on the GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassProfile {
    /// Positions in the cache before it.
    pub context: u32,
    /// Tokens of the pass: 1 when decoding.
    pub tokens: u32,
    /// Seconds on the GPU, all kernels together.
    pub seconds: f64,
    /// What it is made of, in the order of the pass; layers are added up.
    pub kernels: Vec<KernelTime>,
}

/// How long the GPU took for what all layers have.
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
    /// Multiplications by weights, where it multiplies by any.
    pub weights: Option<u64>,
    /// Bytes of weights, or of keys and values, that must be read once; for single tokens.
    pub bytes: Option<u64>,
}

/// How long a stage of one token took on the GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StageTime {
    /// `embed`, `attention`, `mlp`, `head`, `choice` or `packet`.
    pub stage: String,
    /// The layer, where each has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Seconds. Browsers round to 100 µs.
    pub seconds: f64,
}
