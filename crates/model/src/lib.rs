//! Model files, weights, the KV cache, and the plan of kernels of a decoder.
//!
//! The way of a model: [`gguf`] reads the file's directory, [`config`] makes sense of its
//! metadata, [`weights`] brings its tensors to the GPU, [`plan`] turns both into recordings of
//! kernels, and [`Model`] runs them.

pub mod config;
mod error;
pub mod files;
pub mod ggml;
pub mod gguf;
mod kv_cache;
mod model;
mod plan;
mod rope;
pub mod source;
mod weights;

#[cfg(not(target_arch = "wasm32"))]
mod mapped_file;

pub use config::Config;
pub use error::ModelError;
pub use files::ModelFiles;
pub use gguf::Gguf;
#[cfg(not(target_arch = "wasm32"))]
pub use mapped_file::MappedFile;
pub use model::{LoadOptions, LoadStage, Model, Pending, Prediction};
