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
mod inspect;
mod intervene;
mod lens;
pub mod measures;
mod packet;
mod patch;
mod predict;
mod race;
mod rope_turns;
mod sampling_defaults;
mod steps;
mod summary;
mod tokens;
mod trace;
mod tune;
mod vocabulary;

pub use ask::{Answered, AskObserver, Tensor, TensorData, ask_without_model};
pub use batch::BatchObserver;
pub use compare::{Comparison, check_formats, format_name, options_of};
pub use engine::Engine;
pub use error::EngineError;
pub use fork::Branch;
pub use inspect::{inspect_config, inspect_files};
pub use packet::wanted;
pub use predict::Prediction;
pub use summary::{adapter_summary, describe};
pub use tokens::tokenize_report;
pub use trace::Trace;
pub use vitrine_model::source::{ByteSource, SourceError};
pub use vitrine_model::{
    Config, Dtype, KvDtype, LoadOptions, ModelFiles, Quantization, Quantize, Tap, Tapped, Tuning,
};

use vitrine_protocol::{Intervention, SamplingParams, TokenPiece, TokenStep};

/// Receives the events of a running generation.
pub trait Observer {
    /// The prompt's tokens, before the first new one.
    fn prompt(&mut self, tokens: &[TokenPiece]);
    /// A new token.
    fn token(&mut self, step: &TokenStep);
    /// Called after each token: whether to stop.
    fn stop_requested(&mut self) -> bool {
        false
    }
    /// Called after each token: new interventions, if they changed.
    fn new_interventions(&mut self) -> Option<Vec<Intervention>> {
        None
    }
    /// Called after each token: new sampling parameters, if they changed. A step that is already submitted keeps the
    /// old ones.
    fn new_sampling(&mut self) -> Option<SamplingParams> {
        None
    }
}

/// Ignores everything.
impl Observer for () {
    fn prompt(&mut self, _tokens: &[TokenPiece]) {}
    fn token(&mut self, _step: &TokenStep) {}
}
