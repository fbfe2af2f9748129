//! Several prompts in one run.

use std::collections::VecDeque;

use vitrine_gpu::Clock;
use vitrine_model::{ModelError, Pending, PendingBatch, Prediction, SequenceId};
use vitrine_protocol::{
    BatchRequest, BatchSummary, FinishReason, ForkRequest, GenerateRequest, GenerateSummary,
    PacketParts, TokenPiece, TokenStep,
};
use vitrine_text::{StreamDecoder, Tokenizer};

use crate::generate::draw;
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
    top: u32,
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

/// Sequences on their way.
struct Work<'a> {
    clock: Clock,
    /// Those that wait for a place, with their prompts.
    waiting: VecDeque<(usize, &'a GenerateRequest, Vec<u32>)>,
    running: Vec<Running<'a>>,
    underway: VecDeque<Underway>,
    /// Places.
    width: usize,
    /// Candidates of each step.
    top: u32,
    /// Whether sequences stay in the cache when they have ended.
    keep: bool,
    summaries: Vec<Option<GenerateSummary>>,
}

/// What a sequence asks for.
#[derive(Clone, Copy)]
struct Limits {
    max_new_tokens: u32,
    top: u32,
    /// The most tokens of a sequence.
    context: u32,
}

impl<'a> Running<'a> {
    /// A sequence that was asked for its first token.
    fn new(
        (index, id): (usize, SequenceId),
        prompt_ids: Vec<u32>,
        limits: Limits,
        tokenizer: Option<&'a Tokenizer>,
        began_s: f64,
    ) -> Self {
        let room = limits.context - prompt_ids.len() as u32;
        Self {
            index,
            id,
            top: limits.top,
            prompt_ids,
            ids: Vec::new(),
            decoder: tokenizer.map(|tokenizer| tokenizer.stream(true)),
            limit: limits.max_new_tokens.min(room),
            asked: 1,
            began_s,
            first_s: 0.0,
            last_s: 0.0,
            finish_reason: match room < limits.max_new_tokens {
                true => FinishReason::Context,
                false => FinishReason::Length,
            },
            ended: false,
        }
    }
}

impl Engine {
    /// Continues several prompts in one run, each with its own sampling: each step takes all sequences at once, and
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
        let watched = request.packet != PacketParts::default();
        if !request.kv_cache || watched || !request.interventions.is_empty() {
            return Err(EngineError::NotInBatch);
        }
        let ids = self.encode(&request.prompt)?;
        self.model.check_ids(&ids)?;
        request.sampling.check().map_err(ModelError::from)?;
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
        let requests = &request.sequences;
        let width = (request.width.max(1) as usize).min(requests.len());
        let waiting = requests.iter().zip(prompts).enumerate();
        let work = Work {
            clock,
            waiting: waiting
                .map(|(index, (one, ids))| (index, one, ids))
                .collect(),
            running: Vec::new(),
            underway: VecDeque::new(),
            width,
            top: requests.iter().map(|one| one.top).max().unwrap_or(0),
            keep: false,
            summaries: vec![None; requests.len()],
        };
        let tokenizer = self.tokenizer.clone();
        let tokenizer = tokenizer.as_deref();
        let sequences = self.drive(work, tokenizer, observer, opened).await?;
        let seconds = clock.seconds();
        let tokens = sequences.iter().map(|one| one.ids.len() as u64).sum();
        Ok(BatchSummary {
            width: width as u32,
            tokens,
            seconds,
            tokens_per_s: tokens as f64 / seconds,
            sequences,
        })
    }

    /// Goes on with a sequence until it ends; it stays in the cache.
    pub(crate) async fn go_on(
        &mut self,
        id: SequenceId,
        prompt_ids: Vec<u32>,
        pending: Pending,
        request: &ForkRequest,
        observer: &mut dyn BatchObserver,
    ) -> Result<Option<GenerateSummary>, EngineError> {
        let tokenizer = self.tokenizer.clone();
        let tokenizer = tokenizer.as_deref();
        let limits = Limits {
            max_new_tokens: request.max_new_tokens,
            top: request.top,
            context: self.model.config().max_position_embeddings,
        };
        let work = Work {
            clock: Clock::start(),
            waiting: VecDeque::new(),
            running: vec![Running::new((0, id), prompt_ids, limits, tokenizer, 0.0)],
            underway: VecDeque::from([Underway::First(0, pending)]),
            width: 1,
            top: request.top,
            keep: true,
            summaries: vec![None],
        };
        let summaries = self.drive(work, tokenizer, observer, &mut Vec::new()).await;
        Ok(summaries?.into_iter().next())
    }

    /// Runs until all have ended. `opened` hears of sequences that were started.
    async fn drive<'a>(
        &mut self,
        mut work: Work<'a>,
        tokenizer: Option<&'a Tokenizer>,
        observer: &mut dyn BatchObserver,
        opened: &mut Vec<SequenceId>,
    ) -> Result<Vec<GenerateSummary>, EngineError> {
        let mut stopped = false;
        while !(work.running.is_empty() && work.waiting.is_empty()) {
            self.admit(&mut work, tokenizer, observer, opened)?;
            let submitted = self.submit_step(&mut work)?;
            self.await_steps(&mut work, usize::from(submitted), observer)
                .await?;
            if !stopped && observer.stop_requested() {
                stopped = true;
                for (index, _, prompt_ids) in work.waiting.drain(..) {
                    work.summaries[index] = Some(never_begun(prompt_ids));
                }
                for one in work.running.iter_mut().filter(|one| !one.ended) {
                    one.ended = true;
                    one.finish_reason = FinishReason::Stopped;
                }
            }
            for one in work.running.extract_if(.., |one| one.ended) {
                if !work.keep {
                    self.model.end(one.id)?;
                }
                let summary = self.summary_of(&one);
                observer.finished(one.index, &summary);
                work.summaries[one.index] = Some(summary);
            }
        }
        Ok(work.summaries.into_iter().flatten().collect())
    }

    /// Starts sequences while there are places.
    fn admit<'a>(
        &mut self,
        work: &mut Work<'a>,
        tokenizer: Option<&'a Tokenizer>,
        observer: &mut dyn BatchObserver,
        opened: &mut Vec<SequenceId>,
    ) -> Result<(), EngineError> {
        while work.running.len() < work.width {
            let Some((index, one, prompt_ids)) = work.waiting.pop_front() else {
                break;
            };
            let pieces: Vec<_> = prompt_ids.iter().map(|id| self.piece(*id)).collect();
            observer.prompt(index, &pieces);
            let began_s = work.clock.seconds();
            let sampling = Some(&one.sampling);
            let (id, pending) = self.model.start_sampled(&prompt_ids, sampling, work.top)?;
            opened.push(id);
            work.underway.push_back(Underway::First(index, pending));
            let limits = Limits {
                max_new_tokens: one.max_new_tokens,
                top: one.top,
                context: self.model.config().max_position_embeddings,
            };
            let running = Running::new((index, id), prompt_ids, limits, tokenizer, began_s);
            work.running.push(running);
        }
        Ok(())
    }

    /// Submits a step of all that may go on. The GPU already has the tokens that it chose: it goes on
    /// while we wait for our copies.
    fn submit_step(&mut self, work: &mut Work<'_>) -> Result<bool, EngineError> {
        let going = work.running.iter_mut().filter(|one| one.asked < one.limit);
        let (places, ids): (Vec<_>, Vec<_>) = going
            .map(|one| {
                one.asked += 1;
                (one.index, one.id)
            })
            .unzip();
        if ids.is_empty() {
            return Ok(false);
        }
        let pending = self.model.decode_batch(&ids, work.top)?;
        work.underway.push_back(Underway::Step(places, pending));
        Ok(true)
    }

    /// Waits until no more than `keep` steps are under way.
    async fn await_steps(
        &mut self,
        work: &mut Work<'_>,
        keep: usize,
        observer: &mut dyn BatchObserver,
    ) -> Result<(), EngineError> {
        while work.underway.len() > keep {
            let Some(step) = work.underway.pop_front() else {
                break;
            };
            let (places, predictions) = match step {
                Underway::First(place, pending) => (vec![place], vec![pending.prediction().await?]),
                Underway::Step(places, pending) => (places, pending.predictions().await?),
            };
            let now_s = work.clock.seconds();
            for (place, prediction) in places.into_iter().zip(predictions) {
                let one = work.running.iter_mut().find(|one| one.index == place);
                // One that has ended meanwhile has no use for its token.
                if let Some(one) = one.filter(|one| !one.ended) {
                    self.take(one, prediction, now_s, observer);
                }
            }
        }
        Ok(())
    }

    /// A token that has arrived.
    fn take(
        &self,
        one: &mut Running<'_>,
        mut prediction: Prediction,
        now_s: f64,
        observer: &mut dyn BatchObserver,
    ) {
        prediction.top.truncate(one.top as usize);
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
            distribution: self.candidates(&prediction, one.top),
            packet: self.packet(&prediction),
            draw: prediction.drawn.as_ref().map(draw),
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
