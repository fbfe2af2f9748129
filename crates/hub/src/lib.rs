//! Where models come from and where they are kept on this machine.
//!
//! The command line and `xtask` find the default model through this crate, so that both mean the
//! same file: [`find`] looks into the cache folder, [`ensure`] fetches what is not there.
//!
//! Any other model is named by a [`Location`]: a path, or an id on the hub, which [`fetch_model`]
//! brings into the cache that `huggingface_hub` and transformers use.

mod agent;
mod cache;
mod client;
mod default_model;
mod download;
mod error;
mod fetch;
mod hub;
mod location;
mod pip;
mod progress;
mod refusal;
mod repo_cache;
mod settings;
mod snapshot;
mod store;

pub use cache::{adapters_folder, cache_folder, find};
pub use default_model::{DEFAULT_MODEL, Model};
pub use error::{HubError, HubErrorKind};
pub use fetch::{ensure, ensure_with};
pub use location::{Location, ModelId};
pub use progress::Progress;
pub use settings::HubSettings;
pub use snapshot::{Choose, Snapshot, fetch_model, fetch_model_with};
