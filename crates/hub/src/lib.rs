//! Where models come from and where they are kept on this machine.
//!
//! The command line and `xtask` find the default model through this crate, so that both mean the
//! same file: [`find`] looks into the cache folder, [`ensure`] fetches what is not there.

mod cache;
mod default_model;
mod error;
mod fetch;
mod hub;
mod pip;
mod progress;
mod store;

pub use cache::{cache_folder, find};
pub use default_model::{DEFAULT_MODEL, Model};
pub use error::HubError;
pub use fetch::{ensure, ensure_with};
pub use progress::Progress;
