use vitrine_engine::EngineError;
use vitrine_gpu::GpuError;
use vitrine_model::ModelError;
use vitrine_protocol::{Failure, FailureKind};

/// What can go wrong in the worker. Each message is one sentence with what to do.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// No answer, or the connection broke.
    #[error(
        "{url} could not be fetched ({reason}): check the connection and load the model again; \
         what has arrived is kept."
    )]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the browser said.
        reason: String,
    },
    /// The server has no such file.
    #[error("The server answered {status} for {url}: this site's copy of the model is incomplete.")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The manifest or the index is not what it should be.
    #[error("{url} is not readable ({reason}): this site's copy of the model is incomplete.")]
    Manifest {
        /// The file.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A part is shorter or longer than the manifest says.
    #[error(
        "{url} has {got} bytes where {expected} were promised: this site's copy of the model is \
         damaged."
    )]
    PartLength {
        /// The part.
        url: String,
        /// Bytes that came.
        got: u64,
        /// Bytes in the manifest.
        expected: u64,
    },
    /// All parts came, but they are not the file.
    #[error(
        "The downloaded model is damaged (its SHA-256 differs) and was deleted: load it again."
    )]
    Checksum,
    /// The browser will not give enough room.
    #[error(
        "The model needs {needed_mb} MB of browser storage but only {free_mb} MB are free for this \
         site: free some disk space, or leave private browsing, and load the model again."
    )]
    Quota {
        /// Megabytes that are still to come.
        needed_mb: u64,
        /// Megabytes there are.
        free_mb: u64,
    },
    /// It gave less room than it promised.
    #[error(
        "The browser's storage for this site is full: free some disk space, or leave private \
         browsing, and load the model again; what has arrived is kept."
    )]
    Full,
    /// Another tab holds the file.
    #[error(
        "Another tab is loading this model: wait until it is done, or close it, and try again."
    )]
    Busy,
    /// The storage failed in some other way.
    #[error("The browser's storage failed ({0}): reload the page and load the model again.")]
    Storage(String),
    /// A command that needs a model came before one.
    #[error("No model is loaded: load one first.")]
    NoModel,
    /// The page was opened over plain http.
    #[error(
        "This page was not opened securely, so the browser hides WebGPU: open it over https or \
         from localhost."
    )]
    InsecureContext,
    /// The GPU failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl WorkerError {
    /// For the page.
    pub fn failure(self) -> Failure {
        let message = self.to_string();
        let kind = match self {
            Self::Unreachable { .. }
            | Self::Status { .. }
            | Self::Manifest { .. }
            | Self::PartLength { .. }
            | Self::Checksum => FailureKind::Network,
            Self::Quota { .. } | Self::Full | Self::Busy | Self::Storage(_) => FailureKind::Storage,
            Self::NoModel => FailureKind::Request,
            Self::InsecureContext => FailureKind::NoWebGpu,
            Self::Gpu(error) => {
                return EngineError::from(ModelError::from(error)).failure();
            }
            Self::Engine(error) => return error.failure(),
        };
        Failure { kind, message }
    }
}
