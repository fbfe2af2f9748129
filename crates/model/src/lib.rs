//! The weights, the KV cache, and the kernel plan of a decoder.
//!
//! `weights` uploads the tensors of a checkpoint; `plan` turns them into recordings of kernels, and [`Model`] runs
//! them.

mod activations;
mod batch;
mod change;
mod error;
mod inventory;
mod kv_cache;
mod lens_pace;
mod load;
mod model;
mod ops;
mod pack;
mod packet;
mod page_pool;
mod plan;
mod profile;
mod readout;
mod sampler;
mod sequences;
pub mod synthesize;
mod tap;
mod trace;
mod tune;
mod tuning;
mod warm_up;
mod weights;

pub use batch::PendingBatch;
pub use change::{Change, PatchSite};
pub use error::ModelError;
pub use inventory::PlannedKernel;
pub use load::LoadOptions;
pub use model::{Model, Pending, Prediction};
pub use pack::Storage;
pub use packet::{LENS, Packet};
pub use plan::MAX_PASS;
pub use profile::Work;
pub use readout::{PendingRows, Readout, ReadoutRequest, RowPrediction};
pub use sequences::SequenceId;
pub use tap::Tap;
pub use trace::{LensRequest, ModelTrace, Tapped};
pub use tune::{Tuned, TunedPass};
pub use tuning::{MatmulKind, Measured, Tuning};
pub use vitrine_checkpoint::KvDtype;
pub use vitrine_gpu::{Detail, Place, Span};
pub use vitrine_kernels::{Dtype, PAGE};
