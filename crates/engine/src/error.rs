use vitrine_checkpoint::CheckpointError;
use vitrine_gpu::GpuError;
use vitrine_inspect::InspectError;
use vitrine_model::ModelError;
use vitrine_protocol::{Failure, FailureKind};
use vitrine_text::TextError;

/// Errors between a request and its answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The tokenizer or the chat template.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Text was given to a model without a tokenizer.
    #[error("This model has no tokenizer: give token ids instead of text.")]
    NoTokenizer,
    /// A text that is not exactly one token.
    #[error("{text:?} is {tokens} tokens ({pieces}): give a text that is one token.")]
    NotOneToken {
        /// The text.
        text: String,
        /// Number of its tokens.
        tokens: usize,
        /// The tokens.
        pieces: String,
    },
    /// A part of the page's module could not be fetched.
    #[error(
        "The part of this page that writes chats could not be fetched: check the connection and try \
         again, or give a raw prompt."
    )]
    PartMissing,
    /// A chat prompt for a model without a template.
    #[error("This model has no chat template: give a raw prompt.")]
    NoChatTemplate,
    /// Head scores of a prompt with a single token.
    #[error(
        "Head scores compare a token with those before it: give a prompt of at least two tokens."
    )]
    OneToken,
    /// Patching needs prompts of equal length.
    #[error(
        "The clean prompt has {clean} tokens and the corrupt one {corrupt}: patching goes from \
         position to position, so choose prompts of equal length."
    )]
    DifferentLengths {
        /// Tokens of the clean prompt.
        clean: usize,
        /// Tokens of the corrupt prompt.
        corrupt: usize,
    },
    /// Both prompts have the same answer.
    #[error(
        "Both prompts have the same answer, so there is nothing to restore: choose other prompts, or \
         name the two answers."
    )]
    SameAnswer,
    /// An answer that is not a token.
    #[error("The answer {id} is not in the vocabulary: give the id or the text of one token.")]
    NoSuchAnswer {
        /// Its id.
        id: u32,
    },
    /// Tensors above the limit.
    #[error(
        "These tensors take {} MiB and at most {} MiB are handed over at a time: ask for fewer of \
         them, or shorten the prompt.",
        bytes.div_ceil(1 << 20), most >> 20
    )]
    TensorsTooLarge {
        /// Their bytes.
        bytes: u64,
        /// The limit.
        most: u64,
    },
    /// Quantising quantised weights.
    #[error(
        "{format} quantises float weights, and this model's are {already} already: compare f32 and \
         f16, or take a model of float weights."
    )]
    QuantisedAlready {
        /// The format.
        format: &'static str,
        /// The format of most weights.
        already: String,
    },
    /// A comparison on a host without the model's files.
    #[error("Comparing number formats loads the model's files again: ask who has them.")]
    NeedsFiles,
    /// The observer stopped it.
    #[error("This was stopped before it was done: ask again for the whole answer.")]
    Stopped,
    /// An option that needs a single prompt.
    #[error("Several prompts in one run keep their KV cache: give one prompt to run without it.")]
    NotInBatch,
    /// One of several prompts.
    #[error("Prompt {}: {error}", index + 1)]
    InBatch {
        /// Its index, from 0.
        index: usize,
        /// The error.
        error: Box<EngineError>,
    },
}

impl From<CheckpointError> for EngineError {
    fn from(error: CheckpointError) -> Self {
        Self::Model(error.into())
    }
}

impl From<InspectError> for EngineError {
    fn from(error: InspectError) -> Self {
        match error {
            InspectError::Checkpoint(error) => error.into(),
            InspectError::Text(error) => Self::Text(error),
        }
    }
}

impl EngineError {
    /// The same error, for one of several prompts.
    pub(crate) fn of_prompt(self, index: usize) -> Self {
        Self::InBatch {
            index,
            error: Box::new(self),
        }
    }

    /// The failure that is sent to the page.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let kind = match self {
            Self::InBatch { error, .. } => error.failure().kind,
            Self::Model(ModelError::Gpu(gpu)) => gpu_kind(gpu),
            Self::Model(
                ModelError::EmptyPrompt
                | ModelError::TooLong { .. }
                | ModelError::UnknownToken { .. }
                | ModelError::UnknownTap { .. }
                | ModelError::NoSuchTap { .. }
                | ModelError::NoSuchLayer { .. }
                | ModelError::NoSuchHead { .. }
                | ModelError::ChangeSize { .. }
                | ModelError::ChangeNotFinite
                | ModelError::Checkpoint(CheckpointError::KvDtype { .. })
                | ModelError::NoSuchSequence
                | ModelError::NothingToPack
                | ModelError::NoSuchPosition { .. }
                | ModelError::TooManySequences { .. }
                | ModelError::Sampling(_),
            )
            | Self::NoTokenizer
            | Self::NotOneToken { .. }
            | Self::NoChatTemplate
            | Self::PartMissing
            | Self::Text(TextError::Template(_))
            | Self::OneToken
            | Self::DifferentLengths { .. }
            | Self::SameAnswer
            | Self::NoSuchAnswer { .. }
            | Self::TensorsTooLarge { .. }
            | Self::Stopped
            | Self::QuantisedAlready { .. }
            | Self::NeedsFiles
            | Self::NotInBatch => FailureKind::Request,
            Self::Model(ModelError::Checkpoint(CheckpointError::Storage(_))) => {
                FailureKind::Storage
            }
            Self::Model(_) | Self::Text(_) => FailureKind::Model,
        };
        Failure {
            kind,
            message: self.to_string(),
        }
    }
}

fn gpu_kind(error: &GpuError) -> FailureKind {
    match error {
        GpuError::NoWebGpu => FailureKind::NoWebGpu,
        GpuError::NoAdapter
        | GpuError::NoWebAdapter
        | GpuError::NoSuchAdapter { .. }
        | GpuError::NoDevice { .. } => FailureKind::NoAdapter,
        GpuError::OutOfMemory | GpuError::TooLarge { .. } => FailureKind::OutOfMemory,
        GpuError::DeviceLost { .. } => FailureKind::DeviceLost,
        GpuError::Internal(_) | GpuError::Shader { .. } => FailureKind::Internal,
    }
}
