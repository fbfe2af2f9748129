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

/// How fast the cuts of each kind of matrix are on this adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TuneReport {
    /// The adapter that computed.
    pub adapter: AdapterSummary,
    /// Each kind of matrix in each kind of pass; empty where the adapter has no timestamps.
    pub kinds: Vec<ProjectionTimes>,
}

/// How fast the cuts of a kind of matrix are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectionTimes {
    /// What is computed, the matrix, its number format, and what the pass is of.
    pub kind: String,
    /// Matrices that were timed together.
    pub matrices: u32,
    /// Tokens of the pass that was timed.
    pub tokens: u32,
    /// The cuts; the first is the usual one on this kind of adapter.
    pub cuts: Vec<TilingTime>,
    /// The one that is used from now on.
    pub best: String,
    /// Whether there was time for all of them.
    pub complete: bool,
}

/// How fast a cut is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TilingTime {
    /// How the work is cut.
    pub cut: String,
    /// Seconds for all those matrices, on the GPU.
    pub seconds: f64,
    /// Multiplications by a weight per second.
    pub weights_per_s: f64,
}
