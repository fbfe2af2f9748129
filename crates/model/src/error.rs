use vitrine_checkpoint::CheckpointError;
use vitrine_checkpoint::source::SourceError;
use vitrine_gpu::GpuError;

/// An error of a model or of a request to it. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// An error of the model's files.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An invalid sampling setting.
    #[error(transparent)]
    Sampling(#[from] vitrine_sampling::ParamsError),
    /// 8-bit activations were requested, but all weights are floats.
    #[error(
        "8-bit activations need quantised weights, and this model has none: keep float activations, \
         or quantise the weights too."
    )]
    NothingToPack,
    /// A prompt without tokens.
    #[error("The prompt is empty: give at least one token.")]
    EmptyPrompt,
    /// More tokens than the context holds.
    #[error(
        "The prompt has {tokens} tokens, but the context holds {context}: shorten it, or choose a \
         model with a longer context."
    )]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Tokens that fit.
        context: u32,
    },
    /// A sequence that has ended.
    #[error("This sequence has ended: start a new one.")]
    NoSuchSequence,
    /// More sequences than fit.
    #[error("There are {most} sequences already: end one of them first.")]
    TooManySequences {
        /// How many fit.
        most: u32,
    },
    /// A sequence that appears twice in one step.
    #[error("A sequence is listed twice in one step: list each sequence once.")]
    NamedTwice,
    /// A position that a sequence does not have.
    #[error(
        "The sequence has {positions} positions: choose one from 0 to {positions}, not {position}."
    )]
    NoSuchPosition {
        /// The requested position.
        position: u32,
        /// Positions of the sequence.
        positions: u32,
    },
    /// A token id outside the vocabulary.
    #[error("The token id {id} is not in the vocabulary of {vocab} ids (0 to {}).", vocab - 1)]
    UnknownToken {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab: u32,
    },
    /// An unknown tap name.
    #[error("There is no tap \"{name}\": choose one of {known}, with a layer as in attentions.3.")]
    UnknownTap {
        /// The requested name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A tap of a layer that the model does not have.
    #[error("There is no tap \"{tap}\" in this model: the highest index of this tap is {last}.")]
    NoSuchTap {
        /// The requested tap.
        tap: String,
        /// The highest index of such a tap.
        last: u32,
    },
    /// A layer that the model does not have.
    #[error("There is no layer {layer}: this model has layers 0 to {last}.")]
    NoSuchLayer {
        /// The requested layer.
        layer: u32,
        /// The last layer.
        last: u32,
    },
    /// A head that the model does not have.
    #[error("There is no head {head}: the layers of this model have heads 0 to {last}.")]
    NoSuchHead {
        /// The requested head.
        head: u32,
        /// The last head.
        last: u32,
    },
    /// An intervention with too few or too many values.
    #[error("An intervention has {found} values but needs {wanted}: check its shape.")]
    ChangeSize {
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// An intervention with infinities or NaNs.
    #[error("An intervention has values that are not finite: check where they come from.")]
    ChangeNotFinite,
    /// Logits that are not finite.
    #[error(
        "The model produced logits that are not finite: the file is damaged, or the GPU driver \
         computes wrong results; try another adapter."
    )]
    NotFinite,
    /// An error of the GPU.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

impl From<SourceError> for ModelError {
    fn from(error: SourceError) -> Self {
        Self::Checkpoint(error.into())
    }
}
