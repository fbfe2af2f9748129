//! Generation of tokens.

use vitrine_gpu::Clock;
use vitrine_model::{ModelError, Prediction, SequenceId};
use vitrine_protocol::{
    Distribution, GenerateRequest, GenerateSummary, SamplingParams, TokenPiece,
};

use crate::drive::{Running, Work};
use crate::{Engine, EngineError, Observer};

impl Engine {
    /// Continues a prompt and reports each token to `observer`.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, a setting is out of its range, or
    /// the device fails.
    pub async fn generate(
        &mut self,
        request: &GenerateRequest,
        observer: &mut dyn Observer,
    ) -> Result<GenerateSummary, EngineError> {
        let summary = self.run(request, observer).await;
        // The next request has interventions of its own.
        self.model.set_sampling(SequenceId::FIRST, None, 0)?;
        summary
    }

    async fn run(
        &mut self,
        request: &GenerateRequest,
        observer: &mut dyn Observer,
    ) -> Result<GenerateSummary, EngineError> {
        let clock = Clock::start();
        let prompt_ids = self.encode(&request.prompt).await?;
        self.prepare(&request.interventions, &prompt_ids, request.packet)
            .await?;
        let id = SequenceId::FIRST;
        self.choose_by(id, &request.sampling, prompt_ids.len())?;
        let prompt: Vec<TokenPiece> = prompt_ids.iter().map(|id| self.piece(*id)).collect();
        observer.prompt(0, &prompt);
        let began_s = clock.seconds();
        // Also refuses prompts that do not fit.
        let pending = self.model.prefill(&prompt_ids, request.top)?;
        let tokenizer = self.tokenizer.clone();
        let tokenizer = tokenizer.as_deref();
        let limits = self.limits(request);
        let one = Running::new((0, id), prompt_ids, limits, tokenizer, began_s);
        let work = Work::of_one(clock, one, pending, request.packet);
        self.drive_one(work, tokenizer, observer).await
    }

    /// Continues the only sequence until it ends; it stays in the cache.
    pub(crate) async fn drive_one<'a>(
        &mut self,
        work: Work<'a>,
        tokenizer: Option<&'a vitrine_text::Tokenizer>,
        observer: &mut dyn Observer,
    ) -> Result<GenerateSummary, EngineError> {
        let mut opened = Vec::new();
        let summaries = self.drive(work, tokenizer, observer, &mut opened);
        let summary = summaries.await?.into_iter().next();
        Ok(summary.ok_or(ModelError::NoSuchSequence)?)
    }

    /// Sets the sampling parameters of a sequence with a prompt of this length.
    pub(crate) fn choose_by(
        &mut self,
        id: SequenceId,
        params: &SamplingParams,
        prompt: usize,
    ) -> Result<(), EngineError> {
        params.check().map_err(ModelError::from)?;
        Ok(self.model.set_sampling(id, Some(params), prompt as u32)?)
    }

    pub(crate) fn candidates(&self, prediction: &Prediction, top: u32) -> Option<Distribution> {
        (top > 0)
            .then(|| self.distribution(&prediction.top, f64::from(prediction.chosen.logsumexp)))
    }
}
