/// The phase of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The worker is looking for a GPU and for models.
    Starting,
    /// There is a GPU, but no model in the browser's storage.
    NoModel,
    /// A model is being loaded.
    Loading,
    /// Text can be generated.
    Ready,
    /// Text is being generated.
    Generating,
    /// Nothing works until the user tries again.
    Failed,
}

impl Phase {
    /// The value of the `data-state` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::NoModel => "no_model",
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Generating => "generating",
            Self::Failed => "failed",
        }
    }

    /// Whether a model is loaded.
    pub fn has_model(self) -> bool {
        matches!(self, Self::Ready | Self::Generating)
    }
}
