use serde::{Deserialize, Serialize};

use crate::AdapterSummary;

/// A request to time the tilings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TuneRequest {
    /// Whether to measure prefill too.
    pub prompts: bool,
    /// Approximate seconds for each kind of pass.
    pub budget_s: f64,
}

/// Times of the tilings for each projection on this adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TuneReport {
    /// The adapter.
    pub adapter: AdapterSummary,
    /// Each projection in each kind of pass; empty if the adapter has no timestamps.
    pub kinds: Vec<ProjectionTimes>,
}

/// Times of the tilings for one projection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectionTimes {
    /// Description of the projection: what it computes, its shape and weight format, and the kind of pass.
    pub kind: String,
    /// Number of matrices timed together.
    pub matrices: u32,
    /// Tokens of the timed pass.
    pub tokens: u32,
    /// The tilings; the first is the default on this kind of adapter.
    pub cuts: Vec<TilingTime>,
    /// The tiling that is used from now on.
    pub best: String,
    /// Whether there was time to measure all of them.
    pub complete: bool,
}

/// Time of one tiling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TilingTime {
    /// The tiling.
    pub cut: String,
    /// GPU seconds for all these matrices.
    pub seconds: f64,
    /// Multiplications by weights per second.
    pub weights_per_s: f64,
}
