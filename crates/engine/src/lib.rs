//! Generation and inspection: prompts in; tokens, distributions and activations out.
//!
//! It is the same for every host: the command line blocks on these futures, and the web worker awaits them.

mod ablate;
mod ask;
mod batch;
mod bench;
mod chat;
mod compare;
mod drive;
mod engine;
mod error;
mod fork;
mod generate;
mod heads;
mod intervene;
mod lens;
pub mod measures;
mod observer;
mod packet;
mod patch;
mod predict;
mod race;
mod rope_turns;
mod steps;
mod summary;
mod tokens;
mod trace;
mod tune;

pub use ask::ask_without_model;
pub use compare::{Comparison, check_formats, format_name, options_of};
pub use engine::Engine;
pub use error::EngineError;
pub use fork::Branch;
pub use observer::Observer;
pub use predict::NextToken;
pub use summary::{adapter_summary, describe};
pub use trace::Trace;
pub use vitrine_checkpoint::{
    Config, KvDtype, ModelFiles, Quantization, Quantize,
    source::{ByteSource, SourceError},
};
pub use vitrine_model::{Dtype, LoadOptions, Tap, Tapped, Tuning};
