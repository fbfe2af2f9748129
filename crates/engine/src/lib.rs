//! The generate loop: prompt in, tokens and their distributions out.
//!
//! The same for every host: the command line blocks on these futures, the web worker awaits them.

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

/// Hears of a generation while it runs.
pub trait Observer {
    /// The prompt's tokens, before the first new one.
    fn prompt(&mut self, tokens: &[TokenPiece]);
    /// A new token.
    fn token(&mut self, step: &TokenStep);
    /// Asked after each token: whether to end here.
    fn stop_requested(&mut self) -> bool {
        false
    }
    /// Asked after each token: what is to be different from here on, if it changes.
    fn new_interventions(&mut self) -> Option<Vec<Intervention>> {
        None
    }
    /// Asked after each token: how to choose from now on, if otherwise than before. The step that is
    /// under way by then goes on as it was.
    fn new_sampling(&mut self) -> Option<SamplingParams> {
        None
    }
}

/// Hears and does nothing.
impl Observer for () {
    fn prompt(&mut self, _tokens: &[TokenPiece]) {}
    fn token(&mut self, _step: &TokenStep) {}
}
