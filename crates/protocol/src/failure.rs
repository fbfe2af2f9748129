use serde::{Deserialize, Serialize};

/// An error: a message for people and a kind from which the page chooses a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Kind of the error.
    pub kind: FailureKind,
    /// One sentence: what went wrong and what to do.
    pub message: String,
}

/// Kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The browser has no WebGPU.
    NoWebGpu,
    /// There is WebGPU or a driver, but no suitable adapter.
    NoAdapter,
    /// The device does not have enough memory.
    OutOfMemory,
    /// The device was lost.
    DeviceLost,
    /// The network or the server failed to provide a file.
    Network,
    /// The browser's storage is full or not available.
    Storage,
    /// The model file is damaged or not supported.
    Model,
    /// The request is invalid, such as an empty or too long prompt or an unknown token id.
    Request,
    /// Anything else: a bug.
    Internal,
}
