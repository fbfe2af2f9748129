use serde::{Deserialize, Serialize};

use crate::{
    AdapterSummary, Answer, AnswerPart, Arrived, Distribution, Failure, GenerateSummary,
    ModelSummary, SamplingDefaults, SiteModel, StorageRoom, StoredModel, TensorPlace, TokenPiece,
    TokenStep,
};

/// What the worker tells the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A device is there; models can be loaded.
    AdapterReady {
        /// The adapter that will compute.
        adapter: AdapterSummary,
    },
    /// The models there are.
    Models {
        /// Those of the site, in its order.
        site: Vec<SiteModel>,
        /// Those that the browser holds.
        stored: Vec<StoredModel>,
        /// How full its storage is; none where the browser does not tell or has none.
        room: Option<StorageRoom>,
    },
    /// What the browser holds has changed.
    Stored {
        /// The models that it holds now.
        stored: Vec<StoredModel>,
        /// How full its storage is; none where the browser does not tell or has none.
        room: Option<StorageRoom>,
    },
    /// A model is on its way.
    Loading {
        /// How far it is.
        progress: Progress,
    },
    /// Where the tensors of one file of a model that is on its way lie: its directory has come.
    Tensors {
        /// In no order.
        tensors: Vec<TensorPlace>,
    },
    /// The model that was on the GPU has made room for the next one.
    ModelUnloaded,
    /// `Command::CancelLoad` ended a loading.
    LoadCancelled,
    /// A model is on the GPU; text can be generated.
    ModelReady {
        /// The model.
        model: ModelSummary,
        /// How its files recommend to sample.
        #[serde(default)]
        sampling: Box<SamplingDefaults>,
        /// From the command to here, in seconds.
        load_s: f64,
        /// Whether all files were already in the browser's storage.
        from_storage: bool,
        /// Whether the browser holds it for the next visit; private windows may not.
        kept: bool,
        /// Bytes of wasm memory, which never shrinks: the most that loading needed.
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
        /// The token and what it was chosen among.
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
    /// How far the answer to a `Command::Ask` is.
    AskProgress {
        /// The number of the command.
        run: u32,
        /// Steps that are done.
        done: u64,
        /// All.
        total: u64,
    },
    /// Something of the answer to a `Command::Ask` is known already.
    AnswerPart {
        /// The number of the command.
        run: u32,
        /// What.
        part: AnswerPart,
    },
    /// The answer to `Command::Ask`. Where it has tensors, this is no text but an array: the text,
    /// and an `ArrayBuffer` for each of them, in their order.
    Answer {
        /// The number of the command.
        run: u32,
        /// The answer.
        answer: Box<Answer>,
    },
    /// A question was stopped before it was answered. What it found out has been told in parts.
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

/// How far a model is on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is happening now.
    pub phase: LoadPhase,
    /// Done so far: bytes, or steps while compiling.
    pub done: u64,
    /// In all, in the same unit.
    pub total: u64,
    /// Units per second since the phase began.
    pub per_second: f64,
    /// Seconds left at that rate; none before it can be told.
    pub seconds_left: Option<f64>,
    /// Which of several files of weights this is about.
    pub shards: Option<Shards>,
    /// Which bytes of the weights are there: in the browser while they are fetched or kept, on the
    /// GPU from then on.
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
