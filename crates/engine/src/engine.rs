use std::collections::BTreeSet;
use std::rc::Rc;

use vitrine_checkpoint::{Checkpoint, Config, ModelFiles};
use vitrine_gpu::Gpu;
use vitrine_inspect::{InspectOptions, inspect_checkpoint, inspect_config};
use vitrine_model::{LoadOptions, Model};
use vitrine_protocol::{
    LoadPhase, ModelReport, ModelSummary, Prompt, SamplingDefaults, TokenPiece,
};
use vitrine_text::{TextError, Tokenizer};

use crate::chat::Chat;
use crate::{ByteSource, EngineError, summary};

/// A model on the GPU with its tokenizer.
pub struct Engine {
    pub(crate) model: Model,
    /// Shared with the decoders of running generations.
    pub(crate) tokenizer: Option<Rc<Tokenizer>>,
    chat: Option<Chat>,
    /// Ids that end a generation, in addition to those of the tokenizer.
    ends: BTreeSet<u32>,
    sampling_defaults: SamplingDefaults,
    /// A file of a tokenizer that is in an older form.
    older_form: Option<&'static str>,
    summary: ModelSummary,
    report: ModelReport,
    /// Whether interventions are active.
    pub(crate) intervened: bool,
}

fn inspected(options: &LoadOptions) -> InspectOptions {
    InspectOptions {
        context: options.context,
        kv_dtype: options.kv_dtype(),
        quantization: options.quantization,
    }
}

impl Engine {
    /// Reads a model's files and uploads it to the GPU. `on_progress` receives the phase and the done and total
    /// bytes.
    ///
    /// # Errors
    /// When the file is damaged, not supported or unreadable, or GPU memory is exhausted.
    pub async fn load<S: ByteSource>(
        gpu: Gpu,
        files: &ModelFiles<S>,
        options: &LoadOptions,
        on_progress: &mut dyn FnMut(LoadPhase, u64, u64),
    ) -> Result<Self, EngineError> {
        let checkpoint = Checkpoint::open(files).await?;
        // The vocabulary is checked before the upload, which takes long.
        let vocabulary = vitrine_inspect::read_vocabulary(
            files,
            checkpoint.gguf.as_ref(),
            checkpoint.config.vocab_size,
        )
        .await?;
        let mut report = inspect_checkpoint(&checkpoint, &vocabulary, &inspected(options))?;
        let model = Model::load(gpu, &checkpoint, options, on_progress).await?;
        let format = summary::most_frequent_format(&checkpoint, options);
        let mut summary = summary::model_summary(&model, files.name(), format);
        summary.has_chat_template = vocabulary.chat_template.is_some();
        report.max_position_embeddings = summary.max_position_embeddings;
        Ok(Self {
            model,
            tokenizer: vocabulary.tokenizer.map(Rc::new),
            chat: vocabulary.chat_template.map(Chat::new),
            ends: vocabulary.ends,
            sampling_defaults: vocabulary.sampling,
            older_form: vocabulary.older_form,
            summary,
            report,
            intervened: false,
        })
    }

    /// A model with random weights and without a tokenizer, for benchmarks.
    ///
    /// # Errors
    /// When GPU memory is exhausted.
    pub async fn random(
        gpu: Gpu,
        config: Config,
        options: &LoadOptions,
        on_progress: &mut dyn FnMut(LoadPhase, u64, u64),
    ) -> Result<Self, EngineError> {
        let report = inspect_config(&config, &inspected(options))?;
        let model = Model::random(gpu, config, options, on_progress).await?;
        let format = summary::random_format(options);
        let summary = summary::model_summary(&model, "random weights", format);
        Ok(Self {
            model,
            tokenizer: None,
            chat: None,
            ends: BTreeSet::new(),
            sampling_defaults: SamplingDefaults::default(),
            older_form: None,
            summary,
            report,
            intervened: false,
        })
    }

    /// A summary of the model.
    #[must_use]
    pub fn summary(&self) -> ModelSummary {
        self.summary.clone()
    }

    /// The report of the model, with the size of the KV cache for `context` tokens; `None` for the longest context.
    #[must_use]
    pub fn inspect(&self, context: Option<u32>) -> ModelReport {
        let mut report = self.report.clone();
        let longest = report.max_position_embeddings;
        report.kv_cache.context = context.unwrap_or(longest);
        report.kv_cache.context_bytes =
            u64::from(report.kv_cache.context) * report.kv_cache.bytes_per_token;
        report
    }

    /// The sampling defaults of its files.
    #[must_use]
    pub fn sampling_defaults(&self) -> &SamplingDefaults {
        &self.sampling_defaults
    }

    /// The device it runs on.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        self.model.gpu()
    }

    /// The prompt as token ids.
    ///
    /// # Errors
    /// When text is given and there is no tokenizer, or a chat and there is no valid template.
    pub async fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, EngineError> {
        match prompt {
            Prompt::Ids { ids } => Ok(ids.clone()),
            Prompt::Text { text } => Ok(self.tokenizer()?.encode(text, true)?),
            Prompt::Chat { user } => {
                let rendered = self.render(user).await?;
                // The template writes the special tokens.
                Ok(self.tokenizer()?.encode(&rendered, false)?)
            }
        }
    }

    /// A user's message rendered by the chat template.
    pub(crate) async fn render(&self, user: &str) -> Result<String, EngineError> {
        let chat = self.chat.as_ref().ok_or(EngineError::NoChatTemplate)?;
        chat.render(user).await
    }

    pub(crate) fn tokenizer(&self) -> Result<&Tokenizer, EngineError> {
        self.tokenizer.as_deref().ok_or(match self.older_form {
            Some(file) => TextError::OlderForm { file }.into(),
            None => EngineError::NoTokenizer,
        })
    }

    /// The text and bytes of a token id.
    #[must_use]
    pub fn piece(&self, id: u32) -> TokenPiece {
        match self
            .tokenizer
            .as_ref()
            .and_then(|tokenizer| tokenizer.piece(id))
        {
            None => TokenPiece {
                id,
                token: None,
                bytes: Vec::new(),
                special: false,
            },
            Some(piece) => TokenPiece {
                id,
                token: Some(piece.text.clone()),
                bytes: piece.bytes.clone(),
                special: piece.special,
            },
        }
    }

    pub(crate) fn is_end(&self, id: u32) -> bool {
        let tokenizer = self.tokenizer.as_ref();
        self.ends.contains(&id) || tokenizer.is_some_and(|tokenizer| tokenizer.is_end(id))
    }
}
