use serde::{Deserialize, Serialize};

use crate::{
    AdapterSummary, Answer, AnswerPart, Arrived, Distribution, Failure, GenerateSummary,
    ModelSummary, SamplingDefaults, SiteModel, StorageRoom, StoredModel, TensorPlace, TokenPiece,
    TokenStep,
};

/// Events from the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A device is ready; models can be loaded.
    AdapterReady {
        /// The adapter.
        adapter: AdapterSummary,
    },
    /// The available models.
    Models {
        /// Those of the site, in its order.
        site: Vec<SiteModel>,
        /// Those that the browser has stored.
        stored: Vec<StoredModel>,
        /// Storage usage; `None` if the browser has no storage or does not report it.
        room: Option<StorageRoom>,
    },
    /// The stored models have changed.
    Stored {
        /// The models that are stored now.
        stored: Vec<StoredModel>,
        /// Storage usage; `None` if the browser has no storage or does not report it.
        room: Option<StorageRoom>,
    },
    /// A model is loading.
    Loading {
        /// How far it is.
        progress: Progress,
    },
    /// The locations of the tensors of one file: its header has arrived.
    Tensors {
        /// In arbitrary order.
        tensors: Vec<TensorPlace>,
    },
    /// The model on the GPU was removed for the next one.
    ModelUnloaded,
    /// `Command::CancelLoad` cancelled loading.
    LoadCancelled,
    /// A model is on the GPU; text can be generated.
    ModelReady {
        /// The model.
        model: ModelSummary,
        /// The sampling defaults of its files.
        #[serde(default)]
        sampling: Box<SamplingDefaults>,
        /// Seconds since the command.
        load_s: f64,
        /// Whether all files were already in the browser's storage.
        from_storage: bool,
        /// Whether the browser keeps it for the next visit; private windows may not.
        kept: bool,
        /// Bytes of wasm memory, which never shrinks: the peak while loading.
        wasm_bytes: u64,
    },
    /// The prompt as the model sees it, before the first new token.
    PromptTokens {
        /// The generation these belong to.
        run: u32,
        /// One entry a token, in order.
        tokens: Vec<TokenPiece>,
    },
    /// One new token.
    Token {
        /// The generation it belongs to.
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
    /// Progress of the answer to a `Command::Ask`.
    AskProgress {
        /// The number of the command.
        run: u32,
        /// Steps that are done.
        done: u64,
        /// All.
        total: u64,
    },
    /// A part of the answer to a `Command::Ask`.
    AnswerPart {
        /// The number of the command.
        run: u32,
        /// What.
        part: AnswerPart,
    },
    /// The answer to `Command::Ask`. With tensors the message is an array of the text and an `ArrayBuffer` for each
    /// of them, in order.
    Answer {
        /// The number of the command.
        run: u32,
        /// The answer.
        answer: Box<Answer>,
    },
    /// A question was stopped before it was answered. Its parts have been sent.
    AskStopped {
        /// The number of the command.
        run: u32,
    },
    /// Something went wrong; nothing else follows for that command.
    Failed {
        /// The generation it belongs to, if it belongs to one.
        run: Option<u32>,
        /// What went wrong and what to do.
        failure: Failure,
    },
}

/// Progress of loading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is happening now.
    pub phase: LoadPhase,
    /// Done so far: bytes, or steps while compiling.
    pub done: u64,
    /// The total, in the same unit.
    pub total: u64,
    /// Units per second since the phase began.
    pub per_second: f64,
    /// Seconds left at that rate, if known.
    pub seconds_left: Option<f64>,
    /// Which of several files of weights is being read.
    pub shards: Option<Shards>,
    /// Which bytes of the weights have arrived: in the browser while they are downloaded or copied, then on the GPU.
    pub arrived: Vec<Arrived>,
}

/// Files of weights: `1 of 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// Those that are done.
    pub done: u32,
    /// All.
    pub total: u32,
}

/// The stages of loading, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadPhase {
    /// Bytes come over the network into the browser's storage.
    Download,
    /// Picked files are copied into the browser's storage.
    Keep,
    /// Bytes go from storage to the GPU.
    Upload,
    /// Compute pipelines are compiled and run once; counted in steps.
    Compile,
}
