//! Model files, weights, the KV cache, and the kernel plan of a decoder.
//!
//! [`files`] collects the files of a model. [`Checkpoint`] reads their headers ([`gguf`] or [`safetensors`]) and
//! builds a [`Config`]; `weights` uploads the tensors; `plan` turns both into recordings of kernels, and [`Model`]
//! runs them.

pub mod architecture;
mod batch;
mod change;
mod checkpoint;
pub mod config;
mod error;
pub mod files;
pub mod ggml;
pub mod gguf;
mod inventory;
mod kv_cache;
mod lens_pace;
mod load;
mod model;
mod module_tree;
mod ops;
mod packet;
mod page_pool;
mod plan;
mod profile;
pub mod quantize;
mod readout;
mod rope;
pub mod safetensors;
mod sampler;
mod sequences;
pub mod source;
mod storage;
pub mod synthesize;
mod tap;
mod tensor;
mod trace;
mod tune;
mod tuning;
mod warm_up;
mod weights;

#[cfg(not(target_arch = "wasm32"))]
mod mapped_file;
#[cfg(not(target_arch = "wasm32"))]
mod open;

pub use architecture::Architecture;
pub use batch::PendingBatch;
pub use change::{Change, PatchSite};
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use error::ModelError;
pub use files::ModelFiles;
pub use gguf::Gguf;
pub use inventory::PlannedKernel;
pub use load::{LoadOptions, LoadStage};
#[cfg(not(target_arch = "wasm32"))]
pub use mapped_file::MappedFile;
pub use model::{Model, Pending, Prediction};
pub use module_tree::{Module, module_tree};
#[cfg(not(target_arch = "wasm32"))]
pub use open::{open_folder, open_path};
pub use packet::{LENS, Packet, PacketParts};
pub use plan::MAX_PASS;
pub use profile::Work;
pub use quantize::Quantize;
pub use readout::{PendingRows, Readout, ReadoutRequest, RowPrediction};
pub use rope::{Rope, RopeRegime, RopeScaling};
pub use sequences::SequenceId;
pub use storage::Storage;
pub use tap::Tap;
pub use tensor::TensorInfo;
pub use trace::{LensRequest, ModelTrace, Tapped};
pub use tune::{Tuned, TunedPass};
pub use tuning::{MatmulKind, Measured, Tuning};
pub use vitrine_gpu::{Detail, Place, Span};
pub use vitrine_kernels::{Dtype, KvDtype, PAGE};
pub use weights::Quantization;
