//! The files of a model: their headers, configuration, tensors and module tree. Nothing here needs a GPU.
//!
//! [`files`] chooses the files of a model. [`Checkpoint`] reads their headers ([`gguf`] or [`safetensors`]) and
//! builds a [`Config`]. [`module_tree`] shows it as `print(model)` does in transformers.

mod activation;
pub mod architecture;
mod checkpoint;
pub mod config;
mod error;
pub mod files;
pub mod ggml;
pub mod gguf;
mod kv_dtype;
mod module_tree;
mod quantize;
mod rope;
pub mod safetensors;
pub mod source;
mod tensor;

#[cfg(not(target_arch = "wasm32"))]
mod mapped_file;
#[cfg(not(target_arch = "wasm32"))]
mod open;

pub use activation::Activation;
pub use architecture::Architecture;
pub use checkpoint::{Checkpoint, read_vector};
pub use config::Config;
pub use error::CheckpointError;
pub use files::ModelFiles;
pub use gguf::Gguf;
pub use kv_dtype::KvDtype;
#[cfg(not(target_arch = "wasm32"))]
pub use mapped_file::MappedFile;
pub use module_tree::{Module, module_tree};
#[cfg(not(target_arch = "wasm32"))]
pub use open::{open_folder, open_path};
pub use quantize::{Quantization, Quantize};
pub use rope::{Rope, RopeRegime, RopeScaling};
pub use tensor::TensorInfo;
