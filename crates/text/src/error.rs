/// Error of a tokenizer or a chat template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The kind of tokenizer is not supported.
    #[error("The model's tokenizer is one {kind}, which is not supported; supported: {supported}.")]
    UnsupportedTokenizer {
        /// The kind, as words after "one": "of the kind x", "with the decoder y".
        kind: String,
        /// Supported kinds.
        supported: String,
    },
    /// The vocabulary of the tokenizer is larger than that of the model.
    #[error(
        "The tokenizer has {tokenizer} tokens, but the model has only {model}: they do not belong \
         together. Take both from the same download."
    )]
    LargerThanModel {
        /// Vocabulary size of the tokenizer.
        tokenizer: usize,
        /// Vocabulary size of the model.
        model: usize,
    },
    /// The pre-tokenizer is not supported.
    #[error(
        "The model's tokenizer uses the pre-tokenizer {family}, which is not supported; supported: \
         {supported}."
    )]
    UnsupportedPreTokenizer {
        /// `tokenizer.ggml.pre`.
        family: String,
        /// Supported pre-tokenizers.
        supported: String,
    },
    /// The file does not name its pre-tokenizer.
    #[error(
        "The model file does not name its pre-tokenizer (tokenizer.ggml.pre): choose a file made with \
         a newer converter."
    )]
    NoPreTokenizer,
    /// The tokenizer is inconsistent.
    #[error("The tokenizer in the model file is damaged: {0}. Download it again.")]
    Damaged(String),
    /// A file in the model's folder is invalid.
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
    /// The chat template is invalid or uses an unsupported feature.
    #[error("The model's chat template cannot be used: {0}. Send the prompt without it.")]
    Template(String),
    /// The chat template rejects the conversation (`raise_exception`).
    #[error("The model's chat template rejects this conversation: {0}.")]
    Refused(String),
    /// A tokenizer without tokenizer.json.
    #[error(
        "The tokenizer of this folder is in an older form ({file}), and tokenizer.json is missing: load the folder with \
         AutoTokenizer of transformers, save it there again with save_pretrained, and try again."
    )]
    OlderForm {
        /// The file that is there.
        file: &'static str,
    },
    /// The chat template exceeds a limit; it may not terminate.
    #[error(
        "The model's chat template was stopped because it exceeded {0}. Send the prompt without it."
    )]
    Endless(&'static str),
}

pub(crate) fn damaged(error: impl std::fmt::Display) -> TextError {
    TextError::Damaged(error.to_string())
}
