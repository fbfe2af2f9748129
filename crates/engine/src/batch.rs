//! Several prompts in one run.

use std::collections::VecDeque;

use vitrine_gpu::Clock;
use vitrine_model::{Pending, PendingBatch, Prediction, SequenceId};
use vitrine_protocol::{
    BatchRequest, BatchSummary, FinishReason, GenerateRequest, GenerateSummary, TokenPiece,
    TokenStep,
};
use vitrine_text::StreamDecoder;

use crate::{Engine, EngineError};

/// Hears of a batch while it runs. Sequences are counted from 0, in the order of the request.
pub trait BatchObserver {
    /// A sequence begins: the tokens of its prompt.
    fn prompt(&mut self, _sequence: usize, _tokens: &[TokenPiece]) {}
    /// A new token of a sequence.
    fn token(&mut self, _sequence: usize, _step: &TokenStep) {}
    /// A sequence has ended.
    fn finished(&mut self, _sequence: usize, _summary: &GenerateSummary) {}
    /// Asked after each step: whether to end all of them here.
    fn stop_requested(&mut self) -> bool {
        false
    }
}

/// Hears and does nothing.
impl BatchObserver for () {}

/// A sequence that has a place in the batch.
struct Running<'a> {
    index: usize,
    id: SequenceId,
    request: &'a GenerateRequest,
    prompt_ids: Vec<u32>,
    ids: Vec<u32>,
    decoder: Option<StreamDecoder<'a>>,
    /// At most this many new tokens.
    limit: u32,
    /// Tokens that the GPU was asked for.
    asked: u32,
    began_s: f64,
    first_s: f64,
    last_s: f64,
    finish_reason: FinishReason,
    ended: bool,
}

/// What the GPU works on. The sequences are named by their place in the request.
enum Underway {
    First(usize, Pending),
    Step(Vec<usize>, PendingBatch),
}

impl Engine {
    /// Continues several prompts greedily in one run: each step takes all sequences at once, and
    /// reads each weight once for all of them. A sequence that ends leaves its place to one that
    /// waits. Each gets the tokens that it would get alone.
    ///
    /// # Errors
    /// When a prompt is empty, too long or cannot be encoded (then nothing has begun), or the device
    /// fails.
    pub async fn generate_batch(
        &mut self,
        request: &BatchRequest,
        observer: &mut dyn BatchObserver,
    ) -> Result<BatchSummary, EngineError> {
        let mut prompts = Vec::new();
        for (index, one) in request.sequences.iter().enumerate() {
            let ids = self.prompt_of(one);
            prompts.push(ids.map_err(|error| error.of_prompt(index))?);
        }
        self.intervene(&[], &[]).await?;
        let mut opened = Vec::new();
        let outcome = self
            .run_batch(request, prompts, observer, &mut opened)
            .await;
        for id in opened {
            // Most have ended long ago.
            let _ = self.model.end(id);
        }
        outcome
    }

    /// The ids of a prompt that can run in a batch.
    fn prompt_of(&self, request: &GenerateRequest) -> Result<Vec<u32>, EngineError> {
        if !request.kv_cache {
            return Err(EngineError::BatchWithoutCache);
        }
        let ids = self.encode(&request.prompt)?;
        self.model.check_ids(&ids)?;
        Ok(ids)
    }

    async fn run_batch(
        &mut self,
        request: &BatchRequest,
        prompts: Vec<Vec<u32>>,
        observer: &mut dyn BatchObserver,
        opened: &mut Vec<SequenceId>,
    ) -> Result<BatchSummary, EngineError> {
        let clock = Clock::start();
        let tokenizer = self.tokenizer.clone();
        let context = self.model.config().max_position_embeddings;
        let top = request.sequences.iter().map(|one| one.top).max();
        let top = top.unwrap_or(0);
        let width = (request.width.max(1) as usize).min(request.sequences.len());
        let mut waiting: VecDeque<_> = request.sequences.iter().zip(prompts).enumerate().collect();
        let mut summaries: Vec<Option<GenerateSummary>> = vec![None; request.sequences.len()];
        let mut running: Vec<Running<'_>> = Vec::new();
        let mut underway: VecDeque<Underway> = VecDeque::new();
        let mut stopped = false;
        loop {
            while !stopped && running.len() < width {
                let Some((index, (one, prompt_ids))) = waiting.pop_front() else {
                    break;
                };
                let pieces: Vec<_> = prompt_ids.iter().map(|id| self.piece(*id)).collect();
                observer.prompt(index, &pieces);
                let began_s = clock.seconds();
                let (id, pending) = self.model.start(&prompt_ids, top)?;
                opened.push(id);
                underway.push_back(Underway::First(index, pending));
                let room = context - prompt_ids.len() as u32;
                running.push(Running {
                    index,
                    id,
                    request: one,
                    prompt_ids,
                    ids: Vec::new(),
                    decoder: tokenizer.as_ref().map(|tokenizer| tokenizer.stream(true)),
                    limit: one.max_new_tokens.min(room),
                    asked: 1,
                    began_s,
                    first_s: 0.0,
                    last_s: 0.0,
                    finish_reason: match room < one.max_new_tokens {
                        true => FinishReason::Context,
                        false => FinishReason::Length,
                    },
                    ended: false,
                });
            }
            // The GPU already has the chosen tokens: it goes on while we wait for our copies.
            let mut keep = 0;
            let going = running.iter_mut().filter(|one| one.asked < one.limit);
            let (places, ids): (Vec<_>, Vec<_>) = going
                .map(|one| {
                    one.asked += 1;
                    (one.index, one.id)
                })
                .unzip();
            if !ids.is_empty() {
                let pending = self.model.decode_batch(&ids, top)?;
                underway.push_back(Underway::Step(places, pending));
                keep = 1;
            }
            while underway.len() > keep {
                let Some(step) = underway.pop_front() else {
                    break;
                };
                let (places, predictions) = match step {
                    Underway::First(place, pending) => {
                        (vec![place], vec![pending.prediction().await?])
                    }
                    Underway::Step(places, pending) => (places, pending.predictions().await?),
                };
                let now_s = clock.seconds();
                for (place, prediction) in places.into_iter().zip(predictions) {
                    let one = running.iter_mut().find(|one| one.index == place);
                    // One that has ended meanwhile has no use for its token.
                    if let Some(one) = one.filter(|one| !one.ended) {
                        self.take(one, prediction, now_s, observer);
                    }
                }
            }
            if !stopped && observer.stop_requested() {
                stopped = true;
                for (index, (_, prompt_ids)) in waiting.drain(..) {
                    summaries[index] = Some(never_begun(prompt_ids));
                }
                for one in running.iter_mut().filter(|one| !one.ended) {
                    one.ended = true;
                    one.finish_reason = FinishReason::Stopped;
                }
            }
            for one in running.extract_if(.., |one| one.ended) {
                self.model.end(one.id)?;
                let summary = self.summary_of(&one);
                observer.finished(one.index, &summary);
                summaries[one.index] = Some(summary);
            }
            if running.is_empty() && waiting.is_empty() {
                break;
            }
        }
        let seconds = clock.seconds();
        let sequences: Vec<_> = summaries.into_iter().flatten().collect();
        let tokens = sequences.iter().map(|one| one.ids.len() as u64).sum();
        Ok(BatchSummary {
            width: width as u32,
            tokens,
            seconds,
            tokens_per_s: tokens as f64 / seconds,
            sequences,
        })
    }

    /// A token that has arrived.
    fn take(
        &self,
        one: &mut Running<'_>,
        mut prediction: Prediction,
        now_s: f64,
        observer: &mut dyn BatchObserver,
    ) {
        prediction.top.truncate(one.request.top as usize);
        one.last_s = now_s;
        if one.ids.is_empty() {
            one.first_s = now_s;
        }
        if one.limit == 0 {
            one.ended = true;
            return;
        }
        let id = prediction.chosen.id;
        one.ids.push(id);
        let decoder = one.decoder.as_mut();
        let step = TokenStep {
            position: (one.prompt_ids.len() + one.ids.len() - 1) as u32,
            piece: self.piece(id),
            text: decoder.map(|decoder| decoder.push(id)).unwrap_or_default(),
            distribution: self.candidates(&prediction, one.request.top),
            packet: None,
            elapsed_s: now_s,
        };
        observer.token(one.index, &step);
        if self.is_end(id) {
            one.finish_reason = FinishReason::Stop;
            one.ended = true;
        } else if one.ids.len() as u32 == one.limit {
            one.ended = true;
        }
    }

    fn summary_of(&self, one: &Running<'_>) -> GenerateSummary {
        let decoded = one.ids.len().saturating_sub(1);
        let tokenizer = self.tokenizer.as_ref();
        GenerateSummary {
            finish_reason: one.finish_reason,
            prompt_ids: one.prompt_ids.clone(),
            ids: one.ids.clone(),
            text: tokenizer.map(|tokenizer| tokenizer.decode(&one.ids, true)),
            prefill_tokens_per_s: one.prompt_ids.len() as f64 / (one.first_s - one.began_s),
            decode_tokens_per_s: (decoded > 0).then(|| decoded as f64 / (one.last_s - one.first_s)),
            time_to_first_token_s: one.first_s,
        }
    }
}

/// Of a sequence that was stopped before it had a place.
fn never_begun(prompt_ids: Vec<u32>) -> GenerateSummary {
    GenerateSummary {
        finish_reason: FinishReason::Stopped,
        prompt_ids,
        ids: Vec::new(),
        text: None,
        prefill_tokens_per_s: 0.0,
        decode_tokens_per_s: None,
        time_to_first_token_s: 0.0,
    }
}
