use serde::{Deserialize, Serialize};

use crate::AdapterSummary;

/// What to measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TuneRequest {
    /// Whether to measure the passes of prompts too.
    pub prompts: bool,
    /// About how many seconds each kind of pass may take.
    pub budget_s: f64,
}

/// Times of the tilings of each projection on this adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TuneReport {
    /// The adapter that computed.
    pub adapter: AdapterSummary,
    /// Each projection in each kind of pass; empty without timestamps.
    pub kinds: Vec<ProjectionTimes>,
}

/// Times of the tilings of a projection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectionTimes {
    /// The operation, the matrix, its weight format, and the kind of pass.
    pub kind: String,
    /// Matrices that were timed together.
    pub matrices: u32,
    /// Tokens of the pass that was timed.
    pub tokens: u32,
    /// The tilings; the first is the default on this kind of adapter.
    pub cuts: Vec<TilingTime>,
    /// The one that is used from now on.
    pub best: String,
    /// Whether there was time for all of them.
    pub complete: bool,
}

/// The time of a tiling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TilingTime {
    /// The tiling.
    pub cut: String,
    /// Seconds for all those matrices, on the GPU.
    pub seconds: f64,
    /// Multiplications by a weight per second.
    pub weights_per_s: f64,
}
