use vitrine_checkpoint::CheckpointError;
use vitrine_engine::EngineError;
use vitrine_gpu::GpuError;
use vitrine_model::ModelError;
use vitrine_protocol::{Failure, FailureKind};

use crate::fetch::FetchError;

/// As browsers and disks count them.
const MB: u64 = 1_000_000;

/// Errors of the worker. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A request failed.
    #[error("{}", fetch_sentence(.0))]
    Fetch(FetchError),
    /// The manifest or the index is invalid.
    #[error("{url} is not readable ({reason}): this site's copy of the model is incomplete.")]
    Manifest {
        /// The file.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A chunk has the wrong length.
    #[error(
        "{url} has {got} bytes where {expected} were promised: the copy of the model there is \
         damaged."
    )]
    PieceLength {
        /// The address.
        url: String,
        /// Bytes that came.
        got: u64,
        /// Bytes that were promised.
        expected: u64,
    },
    /// The checksum of the whole file is wrong.
    #[error(
        "The downloaded {file} is damaged (its SHA-256 differs) and will be fetched anew: load the \
         model again."
    )]
    Checksum {
        /// The file.
        file: String,
    },
    /// The browser is offline.
    #[error(
        "This computer is offline, so {id} cannot be fetched: connect it and load the model again; \
         what has arrived is kept."
    )]
    Offline {
        /// The model's id.
        id: String,
    },
    /// The hub knows no such model.
    #[error(
        "The hub has no model {id}, or it is private: check the spelling, or give an access token \
         that may read it."
    )]
    NoRepository {
        /// The model's id.
        id: String,
    },
    /// The model has no such revision.
    #[error("{id} has no revision {revision}: give one of its branches, tags or commits.")]
    NoRevision {
        /// The model's id.
        id: String,
        /// What was asked for.
        revision: String,
    },
    /// The repository has no such file.
    #[error("{id} has no file {file}: check the name.")]
    NoFile {
        /// The model's id.
        id: String,
        /// What was asked for.
        file: String,
    },
    /// A token is needed.
    #[error(
        "{id} is gated: accept its terms on its page at the hub, then give an access token of that \
         account and load the model again."
    )]
    Gated {
        /// The model's id.
        id: String,
    },
    /// The token has no access.
    #[error(
        "The access token may not read {id}: accept the model's terms on its page at the hub with \
         the same account, and let the token read gated models."
    )]
    GatedForToken {
        /// The model's id.
        id: String,
    },
    /// The token is invalid.
    #[error(
        "The hub does not know this access token: copy it again from your account's settings, or \
         leave the field empty for public models."
    )]
    WrongToken,
    /// Too many requests.
    #[error("The hub asks to wait, after too many requests: try again in a few minutes.")]
    TooManyRequests,
    /// The hub's answer is invalid.
    #[error("The hub's answer about {id} is not readable ({reason}): try again later.")]
    HubAnswer {
        /// The model's id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Some of several files of weights are missing.
    #[error("{missing} is missing among the model's files: add it, and load them together.")]
    MissingShard {
        /// The file.
        missing: String,
    },
    /// The page's version differs from that of the site's files.
    #[error("The picked files did not arrive: pick them again.")]
    NoFiles,
    /// The browser's storage is too small.
    #[error(
        "The model needs {} MB of browser storage but only {} MB are free for this site: delete \
         other stored models or free some disk space, and load the model again.",
        needed.div_ceil(MB), free / MB
    )]
    Quota {
        /// Bytes that are still needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The storage was full before its quota.
    #[error(
        "The browser's storage for this site is full: free some disk space, or leave private \
         browsing, and load the model again; what has arrived is kept."
    )]
    Full,
    /// Another tab has the file open.
    #[error("Another tab is using this model: close it, or wait until it is done, and try again.")]
    Busy,
    /// The storage failed in some other way.
    #[error("The browser's storage failed ({0}): reload the page and load the model again.")]
    Storage(String),
    /// A command that needs a model came before one.
    #[error("No model is loaded: load one first.")]
    NoModel,
    /// The files would have to be downloaded again.
    #[error(
        "Comparing number formats loads the model again, and this browser does not keep it: open \
         the page in a window that may store files, or pick the model's files."
    )]
    NotKept,
    /// A generation that is no longer kept.
    #[error("This generation is gone: generate it again before forking it.")]
    NoBranch,
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
            Self::Fetch(_)
            | Self::Manifest { .. }
            | Self::PieceLength { .. }
            | Self::Checksum { .. }
            | Self::Offline { .. }
            | Self::NoRepository { .. }
            | Self::NoRevision { .. }
            | Self::NoFile { .. }
            | Self::Gated { .. }
            | Self::GatedForToken { .. }
            | Self::WrongToken
            | Self::TooManyRequests
            | Self::HubAnswer { .. } => FailureKind::Network,
            Self::MissingShard { .. } | Self::NoFiles => FailureKind::Model,
            Self::Quota { .. } | Self::Full | Self::Busy | Self::Storage(_) => FailureKind::Storage,
            Self::NoModel | Self::NoBranch | Self::NotKept => FailureKind::Request,
            Self::InsecureContext => FailureKind::NoWebGpu,
            Self::Gpu(error) => {
                return EngineError::from(ModelError::from(error)).failure();
            }
            Self::Engine(error) => return error.failure(),
        };
        Failure { kind, message }
    }
}

impl From<FetchError> for WorkerError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

impl From<CheckpointError> for WorkerError {
    fn from(error: CheckpointError) -> Self {
        Self::Engine(error.into())
    }
}

fn fetch_sentence(error: &FetchError) -> String {
    match error {
        FetchError::Unreachable { url, reason } => format!(
            "{url} could not be fetched ({reason}): check the connection and load the model \
             again; what has arrived is kept."
        ),
        FetchError::Status { url, status, .. } => format!(
            "The server answered {status} for {url}: its copy of the model is incomplete, or it \
             is out of order; try again later."
        ),
    }
}
