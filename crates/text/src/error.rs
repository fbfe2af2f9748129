/// Why a tokenizer or a chat template could not be made or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The kind of vocabulary is not supported.
    #[error("The model's tokenizer is one {kind}, which is not supported; supported: {supported}.")]
    UnsupportedTokenizer {
        /// What the file says, after "one": "of the kind x", "with the decoder y".
        kind: String,
        /// What would do.
        supported: String,
    },
    /// There are tokens that the model has no row for.
    #[error(
        "The tokenizer has {tokenizer} tokens, but the model only {model}: they do not belong together; \
         take both from the same download."
    )]
    LargerThanModel {
        /// Ids of the tokenizer.
        tokenizer: usize,
        /// Ids of the model.
        model: usize,
    },
    /// How the text is split before the merges is not known.
    #[error(
        "The model's tokenizer splits text in the way {family}, which is not supported; supported: \
         {supported}."
    )]
    UnsupportedPreTokenizer {
        /// `tokenizer.ggml.pre`.
        family: String,
        /// What would do.
        supported: String,
    },
    /// The file does not say how text is split before the merges.
    #[error(
        "The model file does not say how its tokenizer splits text (tokenizer.ggml.pre): choose a file \
         made with a newer converter."
    )]
    NoPreTokenizer,
    /// The tokenizer contradicts itself.
    #[error("The tokenizer in the model file is damaged: {0}. Download it again.")]
    Damaged(String),
    /// A file of the model's folder is not what it should be.
    #[error("{file} is damaged: {reason}. Download it again.")]
    File {
        /// Its name.
        file: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The text could not be encoded.
    #[error("The text could not be split into tokens: {0}. Change the text.")]
    Encode(String),
    /// The chat template is wrong, or uses something that is not supported.
    #[error("The model's chat template cannot be used: {0}. Send the prompt without it.")]
    Template(String),
    /// The chat template itself refuses the conversation (`raise_exception`).
    #[error("The model's chat template refuses this conversation: {0}.")]
    Refused(String),
    /// The chat template does not end, or writes without end.
    #[error(
        "The model's chat template makes more than {0}, so it was stopped. Send the prompt without it."
    )]
    Endless(&'static str),
}
