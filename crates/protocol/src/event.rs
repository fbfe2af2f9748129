use serde::{Deserialize, Serialize};

use crate::{
    AdapterSummary, Answer, AnswerPart, Arrived, Distribution, Failure, GenerateSummary,
    ModelSummary, SamplingDefaults, SiteModel, StorageRoom, StoredModel, TensorPlace, TokenPiece,
    TokenStep,
};

/// An event that the worker sends to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The device was created; models can be loaded.
    AdapterReady {
        /// The selected adapter.
        adapter: AdapterSummary,
    },
    /// The available models.
    Models {
        /// Models of the site, in its order.
        site: Vec<SiteModel>,
        /// Models in the browser's storage.
        stored: Vec<StoredModel>,
        /// Use of the storage; `None` if there is none or the browser does not report it.
        room: Option<StorageRoom>,
    },
    /// The models in the browser's storage have changed.
    Stored {
        /// Models in the browser's storage.
        stored: Vec<StoredModel>,
        /// Use of the storage; `None` if there is none or the browser does not report it.
        room: Option<StorageRoom>,
    },
    /// A model is loading.
    Loading {
        /// Progress of loading.
        progress: Progress,
    },
    /// The tensors in one file of the model that is loading; sent when the file's directory has been read.
    Tensors {
        /// Locations of the tensors, in any order.
        tensors: Vec<TensorPlace>,
    },
    /// The model on the GPU was unloaded to make memory available for the next one.
    ModelUnloaded,
    /// `Command::CancelLoad` cancelled loading.
    LoadCancelled,
    /// A model is on the GPU and can generate text.
    ModelReady {
        /// The model.
        model: ModelSummary,
        /// Sampling settings that its files recommend.
        #[serde(default)]
        sampling: Box<SamplingDefaults>,
        /// Seconds since the command.
        load_s: f64,
        /// Whether all files were already in the browser's storage.
        from_storage: bool,
        /// Whether it stays in the browser's storage for the next visit, which private windows may prevent.
        kept: bool,
        /// Bytes of wasm memory. It never shrinks, so this is the peak during loading.
        wasm_bytes: u64,
    },
    /// The tokens of the prompt; sent before the first new token.
    PromptTokens {
        /// The generation.
        run: u32,
        /// In order.
        tokens: Vec<TokenPiece>,
    },
    /// A new token.
    Token {
        /// The generation.
        run: u32,
        /// The token and its candidates.
        step: Box<TokenStep>,
    },
    /// A generation ended.
    Finished {
        /// The generation.
        run: u32,
        /// How it ended, and its timings.
        summary: GenerateSummary,
    },
    /// The answer to `Command::Next`.
    Next {
        /// The number of the command.
        run: u32,
        /// The distribution after the last token of the prompt.
        distribution: Distribution,
    },
    /// Progress of the answer to `Command::Ask`.
    AskProgress {
        /// The number of the command.
        run: u32,
        /// Completed steps.
        done: u64,
        /// Total steps.
        total: u64,
    },
    /// A part of the answer to `Command::Ask`.
    AnswerPart {
        /// The number of the command.
        run: u32,
        /// The part.
        part: AnswerPart,
    },
    /// The answer to `Command::Ask`. If it has tensors, the message is an array of the text and one `ArrayBuffer` per
    /// tensor, in order.
    Answer {
        /// The number of the command.
        run: u32,
        /// The answer.
        answer: Box<Answer>,
    },
    /// A question was stopped before its answer was complete. The parts sent so far are valid.
    AskStopped {
        /// The number of the command.
        run: u32,
    },
    /// A command failed; no other event follows for it.
    Failed {
        /// The generation or question, if the command was one.
        run: Option<u32>,
        /// The error.
        failure: Failure,
    },
}

/// Progress of loading a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Current phase.
    pub phase: LoadPhase,
    /// Completed bytes, or steps while compiling.
    pub done: u64,
    /// Total, in the same unit.
    pub total: u64,
    /// Units per second since the phase began.
    pub per_second: f64,
    /// Estimated seconds remaining; `None` while the rate is unknown.
    pub seconds_left: Option<f64>,
    /// Progress in weight files, if there are several.
    pub shards: Option<Shards>,
    /// Ranges of the weights that are present: in the browser during `Download` and `Keep`, on the GPU from then on.
    pub arrived: Vec<Arrived>,
}

/// Progress in weight files: `1 of 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// Completed files.
    pub done: u32,
    /// All files.
    pub total: u32,
}

/// Phase of loading, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadPhase {
    /// Downloads to the browser's storage.
    Download,
    /// Copies picked files to the browser's storage.
    Keep,
    /// Uploads weights to the GPU.
    Upload,
    /// Compiles the compute pipelines and runs each once; counted in steps.
    Compile,
}
