use vitrine_gpu::GpuError;
use vitrine_model::ModelError;
use vitrine_protocol::{Failure, FailureKind};
use vitrine_text::TextError;

/// What can go wrong between a request and its answer.
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
    /// A chat was asked of a model without a template.
    #[error("This model has no chat template: give a raw prompt.")]
    NoChatTemplate,
}

impl EngineError {
    /// The same for the page.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let kind = match self {
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
                | ModelError::ChangeNotFinite,
            )
            | Self::NoTokenizer
            | Self::NoChatTemplate => FailureKind::Request,
            Self::Model(ModelError::Storage(_)) => FailureKind::Storage,
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
