use vitrine_checkpoint::CheckpointError;
use vitrine_text::TextError;

/// An error of a model's files or of its tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The files.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The tokenizer or the chat template.
    #[error(transparent)]
    Text(#[from] TextError),
}
