//! Downloads models and caches them on disk.
//!
//! The command line and `xtask` share the default model: [`find`] looks it up in the cache folder, [`ensure`] also
//! fetches it.
//!
//! Any other model has a [`Location`]: a path, or an id on the hub. [`fetch_model`] downloads it to the cache that
//! `huggingface_hub` and transformers use.

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
pub use location::Location;
pub use progress::Progress;
pub use settings::HubSettings;
pub use snapshot::{Choose, Snapshot, fetch_model, fetch_model_with};
pub use vitrine_protocol::HubId;
