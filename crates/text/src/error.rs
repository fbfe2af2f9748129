/// Why a tokenizer or a chat template could not be made or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The kind of vocabulary is not supported.
    #[error(
        "the model's tokenizer is of the kind `{kind}`, which is not supported; supported: {supported}"
    )]
    UnsupportedTokenizer {
        /// What the file says.
        kind: String,
        /// What would do.
        supported: String,
    },
    /// How the text is split before the merges is not known.
    #[error(
        "the model's tokenizer splits text in the way `{family}`, which is not supported; supported: {supported}"
    )]
    UnsupportedPreTokenizer {
        /// `tokenizer.ggml.pre`.
        family: String,
        /// What would do.
        supported: String,
    },
    /// The file does not say how text is split before the merges.
    #[error(
        "the model file does not say how its tokenizer splits text (`tokenizer.ggml.pre`); get a file made with a newer converter"
    )]
    NoPreTokenizer,
    /// The tokenizer contradicts itself.
    #[error("the tokenizer in the model file is damaged: {0}; download the file again")]
    Damaged(String),
    /// The text could not be encoded.
    #[error("the text could not be split into tokens: {0}")]
    Encode(String),
    /// The chat template is wrong, or uses something that is not supported.
    #[error("the model's chat template cannot be used: {0}; send the prompt without it")]
    Template(String),
    /// The chat template itself refuses the conversation (`raise_exception`).
    #[error("the model's chat template refuses this conversation: {0}")]
    Refused(String),
    /// The chat template does not end, or writes without end.
    #[error(
        "the model's chat template does more than {0}, which no honest template does; send the prompt without it"
    )]
    Endless(&'static str),
}
