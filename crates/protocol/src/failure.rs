use serde::{Deserialize, Serialize};

/// What went wrong, for a person (`message`) and for the page's choice of a view (`kind`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class of the failure.
    pub kind: FailureKind,
    /// One sentence: what was wrong and what to do.
    pub message: String,
}

/// The classes of failure that a view may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The browser has no WebGPU.
    NoWebGpu,
    /// There is WebGPU or a driver, but no suitable adapter.
    NoAdapter,
    /// The device ran out of memory.
    OutOfMemory,
    /// The device was lost.
    DeviceLost,
    /// The network or the server failed to deliver the file.
    Network,
    /// The browser's storage is full or refused.
    Storage,
    /// The model file is damaged, or of a kind that is not supported.
    Model,
    /// The request cannot be met: a prompt that is empty or too long, an unknown token id.
    Request,
    /// Anything else: a defect of ours.
    Internal,
}
