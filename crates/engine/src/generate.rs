//! Token after token.

use vitrine_gpu::Clock;
use vitrine_kernels::DrawnBits;
use vitrine_model::{ModelError, Pending, Prediction, SequenceId};
use vitrine_protocol::{
    Distribution, Draw, FinishReason, GenerateRequest, GenerateSummary, SamplingParams, TokenPiece,
    TokenStep,
};

use crate::packet::wanted;
use crate::{Engine, EngineError, Observer};

impl Engine {
    /// Continues a prompt, and tells `observer` of each token as it comes.
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
        // Whatever comes next has its own.
        self.model.set_sampling(SequenceId::FIRST, None, 0)?;
        summary
    }

    async fn run(
        &mut self,
        request: &GenerateRequest,
        observer: &mut dyn Observer,
    ) -> Result<GenerateSummary, EngineError> {
        let clock = Clock::start();
        let prompt_ids = self.encode(&request.prompt)?;
        self.intervene(&request.interventions, &prompt_ids).await?;
        self.model.watch(wanted(request.packet))?;
        self.choose_by(&request.sampling, prompt_ids.len())?;
        let prompt: Vec<TokenPiece> = prompt_ids.iter().map(|id| self.piece(*id)).collect();
        observer.prompt(&prompt);

        let before_prefill_s = clock.seconds();
        // Also refuses prompts that do not fit, before anything is subtracted from the context.
        let mut pending = Some(self.model.prefill(&prompt_ids, request.top)?);
        let room = self.model.config().max_position_embeddings - prompt_ids.len() as u32;
        let limit = request.max_new_tokens.min(room);
        let mut finish_reason = if room < request.max_new_tokens {
            FinishReason::Context
        } else {
            FinishReason::Length
        };

        let mut ids = Vec::new();
        let tokenizer = self.tokenizer.clone();
        let mut decoder = tokenizer.as_ref().map(|tokenizer| tokenizer.stream(true));
        let (mut first_s, mut last_s) = (0.0, 0.0);
        while let Some(step) = pending.take() {
            // The GPU already has the chosen token: it goes on while we wait for our copy.
            if request.kv_cache && (ids.len() as u32) + 1 < limit {
                pending = Some(self.model.decode(request.top)?);
            }
            let prediction = step.prediction().await?;
            last_s = clock.seconds();
            if ids.is_empty() {
                first_s = last_s;
            }
            if limit == 0 {
                break;
            }
            let id = prediction.chosen.id;
            ids.push(id);
            let position = prompt_ids.len() as u32 + ids.len() as u32 - 1;
            observer.token(&TokenStep {
                position,
                piece: self.piece(id),
                text: decoder
                    .as_mut()
                    .map(|decoder| decoder.push(id))
                    .unwrap_or_default(),
                distribution: self.candidates(&prediction, request.top),
                packet: self.packet(&prediction),
                draw: prediction.drawn.as_ref().map(draw),
                elapsed_s: last_s,
            });
            if self.is_end(id) {
                finish_reason = FinishReason::Stop;
                break;
            }
            if observer.stop_requested() {
                finish_reason = FinishReason::Stopped;
                break;
            }
            if let Some(interventions) = observer.new_interventions() {
                self.intervene(&interventions, &prompt_ids).await?;
                self.model.watch(wanted(request.packet))?;
            }
            if let Some(params) = observer.new_sampling() {
                self.choose_by(&params, prompt_ids.len())?;
            }
            if !request.kv_cache && (ids.len() as u32) < limit {
                pending = Some(self.recompute(&prompt_ids, &ids, request.top)?);
            }
        }

        let decode_tokens_per_s =
            (ids.len() > 1).then(|| (ids.len() - 1) as f64 / (last_s - first_s));
        Ok(GenerateSummary {
            finish_reason,
            prefill_tokens_per_s: prompt_ids.len() as f64 / (first_s - before_prefill_s),
            decode_tokens_per_s,
            time_to_first_token_s: first_s,
            text: tokenizer
                .as_ref()
                .map(|tokenizer| tokenizer.decode(&ids, true)),
            prompt_ids,
            ids,
        })
    }

    fn choose_by(&mut self, params: &SamplingParams, prompt: usize) -> Result<(), EngineError> {
        params.check().map_err(ModelError::from)?;
        let id = SequenceId::FIRST;
        Ok(self.model.set_sampling(id, Some(params), prompt as u32)?)
    }

    /// A step without the cache: all keys and values anew.
    fn recompute(
        &mut self,
        prompt_ids: &[u32],
        ids: &[u32],
        top: u32,
    ) -> Result<Pending, EngineError> {
        Ok(self.model.prefill(&[prompt_ids, ids].concat(), top)?)
    }

    pub(crate) fn candidates(&self, prediction: &Prediction, top: u32) -> Option<Distribution> {
        (top > 0)
            .then(|| self.distribution(&prediction.top, f64::from(prediction.chosen.logsumexp)))
    }
}

/// How a token was drawn.
pub(crate) fn draw(drawn: &DrawnBits) -> Draw {
    Draw {
        u: drawn.u(),
        start: drawn.start(),
        probability: drawn.probability(),
        kept: drawn.kept,
    }
}
