//! The loop that advances sequences: a generation, a fork, or a batch.

use std::collections::VecDeque;

use vitrine_gpu::Clock;
use vitrine_kernels::DrawnBits;
use vitrine_model::{Pending, PendingBatch, Prediction, SequenceId};
use vitrine_protocol::Draw;
use vitrine_protocol::{
    FinishReason, GenerateRequest, GenerateSummary, Intervention, PacketParts, TokenStep,
};
use vitrine_text::{StreamDecoder, Tokenizer};

use crate::intervene::asks_for_mean;
use crate::{Engine, EngineError, Observer};

/// A sequence in a slot.
pub struct Running<'a> {
    index: usize,
    id: SequenceId,
    top: u32,
    kv_cache: bool,
    prompt_ids: Vec<u32>,
    ids: Vec<u32>,
    decoder: Option<StreamDecoder<'a>>,
    /// At most this many new tokens.
    limit: u32,
    /// Tokens submitted to the GPU.
    asked: u32,
    began_s: f64,
    first_s: f64,
    last_s: f64,
    finish_reason: FinishReason,
    ended: bool,
}

/// The request of a sequence.
#[derive(Clone, Copy)]
pub struct Limits {
    pub max_new_tokens: u32,
    pub top: u32,
    pub kv_cache: bool,
    /// Maximum tokens of a sequence.
    pub context: u32,
}

/// A sequence that waits for a slot, with its prompt.
#[derive(Clone)]
pub struct Waiting<'a> {
    pub index: usize,
    pub request: &'a GenerateRequest,
    pub prompt_ids: Vec<u32>,
}

impl Waiting<'_> {
    /// Whether both can run at the same time: with the same interventions and packets.
    pub fn runs_with(&self, other: &Self) -> bool {
        let (a, b) = (self.request, other.request);
        // Means of heads depend on the prompt.
        let mean = a.interventions.iter().any(asks_for_mean);
        a.packet == b.packet
            && a.interventions == b.interventions
            && (!mean || self.prompt_ids == other.prompt_ids)
    }
}

/// A submitted step. Sequences are identified by their index in the request.
pub enum Underway {
    First(usize, Pending),
    Step(Vec<usize>, PendingBatch),
}

/// The sequences of a run.
pub struct Work<'a> {
    pub clock: Clock,
    /// Waiting sequences; those that can run together are adjacent.
    pub waiting: VecDeque<Waiting<'a>>,
    /// The last one that was started.
    pub admitted: Option<Waiting<'a>>,
    pub running: Vec<Running<'a>>,
    pub underway: VecDeque<Underway>,
    /// Places.
    pub width: usize,
    /// Number of candidates per step.
    pub top: u32,
    /// The packet parts of each token.
    pub packet: PacketParts,
    /// Whether finished sequences stay in the cache.
    pub keep: bool,
    pub summaries: Vec<Option<GenerateSummary>>,
}

impl<'a> Work<'a> {
    /// One sequence, whose first token has been submitted and which stays in the cache.
    pub fn of_one(clock: Clock, one: Running<'a>, pending: Pending, packet: PacketParts) -> Self {
        Self {
            clock,
            waiting: VecDeque::new(),
            admitted: None,
            width: 1,
            top: one.top,
            packet,
            keep: true,
            underway: VecDeque::from([Underway::First(one.index, pending)]),
            running: vec![one],
            summaries: vec![None],
        }
    }
}

impl<'a> Running<'a> {
    /// Adds a sequence whose first token has been submitted.
    pub fn new(
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
            kv_cache: limits.kv_cache,
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
    /// Runs until all sequences have ended. `opened` is called for each started one.
    pub(crate) async fn drive<'a>(
        &mut self,
        mut work: Work<'a>,
        tokenizer: Option<&'a Tokenizer>,
        observer: &mut dyn Observer,
        opened: &mut Vec<SequenceId>,
    ) -> Result<Vec<GenerateSummary>, EngineError> {
        let mut stopped = false;
        while !(work.running.is_empty() && work.waiting.is_empty()) {
            self.admit(&mut work, tokenizer, observer, opened).await?;
            let ahead = self.submit_steps(&mut work)?;
            self.await_steps(&mut work, usize::from(ahead), observer)
                .await?;
            if !stopped && observer.stop_requested() {
                stopped = true;
                for one in work.waiting.drain(..) {
                    work.summaries[one.index] = Some(never_begun(one.prompt_ids));
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
            self.follow(&work, observer).await?;
        }
        Ok(work.summaries.into_iter().flatten().collect())
    }

    /// Starts sequences while slots are free. Interventions change only when nothing runs.
    async fn admit<'a>(
        &mut self,
        work: &mut Work<'a>,
        tokenizer: Option<&'a Tokenizer>,
        observer: &mut dyn Observer,
        opened: &mut Vec<SequenceId>,
    ) -> Result<(), EngineError> {
        while work.running.len() < work.width
            && let Some(next) = work.waiting.front()
        {
            let last = work.admitted.as_ref();
            if last.is_none_or(|last| !last.runs_with(next)) {
                if !work.running.is_empty() {
                    break;
                }
                work.packet = next.request.packet;
                let interventions = &next.request.interventions;
                let prepared = self.prepare(interventions, &next.prompt_ids, work.packet);
                prepared
                    .await
                    .map_err(|error| error.of_prompt(next.index))?;
            }
            let Some(next) = work.waiting.pop_front() else {
                break;
            };
            work.admitted = Some(next.clone());
            let Waiting {
                index,
                request,
                prompt_ids,
            } = next;
            let pieces: Vec<_> = prompt_ids.iter().map(|id| self.piece(*id)).collect();
            observer.prompt(index, &pieces);
            let began_s = work.clock.seconds();
            let sampling = Some(&request.sampling);
            let (id, pending) = self.model.start_sampled(&prompt_ids, sampling, work.top)?;
            opened.push(id);
            work.underway.push_back(Underway::First(index, pending));
            let limits = self.limits(request);
            let running = Running::new((index, id), prompt_ids, limits, tokenizer, began_s);
            work.running.push(running);
        }
        Ok(())
    }

    pub(crate) fn limits(&self, request: &GenerateRequest) -> Limits {
        Limits {
            max_new_tokens: request.max_new_tokens,
            top: request.top,
            kv_cache: request.kv_cache,
            context: self.model.config().max_position_embeddings,
        }
    }

    /// Applies interventions and packets.
    pub(crate) async fn prepare(
        &mut self,
        interventions: &[Intervention],
        prompt_ids: &[u32],
        packet: PacketParts,
    ) -> Result<(), EngineError> {
        self.intervene(interventions, prompt_ids).await?;
        Ok(self.model.watch(packet)?)
    }

    /// Submits a step for all running sequences. With a cache the GPU has the chosen tokens already, so it can be one
    /// step ahead of the readback.
    fn submit_steps(&mut self, work: &mut Work<'_>) -> Result<bool, EngineError> {
        let anew = |one: &&mut Running<'_>| !one.kv_cache && one.ids.len() as u32 == one.asked;
        for one in work.running.iter_mut().filter(anew) {
            // All keys and values anew.
            one.asked += 1;
            let ids = [&one.prompt_ids[..], &one.ids].concat();
            let pending = self.model.prefill(&ids, work.top)?;
            work.underway.push_back(Underway::First(one.index, pending));
        }
        let goes_on = |one: &&mut Running<'_>| one.kv_cache && one.asked < one.limit;
        let (places, ids): (Vec<_>, Vec<_>) = work
            .running
            .iter_mut()
            .filter(goes_on)
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

    /// Waits until at most `keep` steps are pending.
    async fn await_steps(
        &mut self,
        work: &mut Work<'_>,
        keep: usize,
        observer: &mut dyn Observer,
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
                // A sequence that has ended meanwhile discards its token.
                if let Some(one) = one.filter(|one| !one.ended) {
                    self.take(one, prediction, now_s, observer);
                }
            }
        }
        Ok(())
    }

    /// Applies changed interventions and sampling parameters.
    async fn follow(
        &mut self,
        work: &Work<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(), EngineError> {
        let Some(first) = work.running.first() else {
            return Ok(());
        };
        if let Some(interventions) = observer.new_interventions() {
            self.prepare(&interventions, &first.prompt_ids, work.packet)
                .await?;
        }
        if let Some(params) = observer.new_sampling() {
            for one in &work.running {
                self.choose_by(one.id, &params, one.prompt_ids.len())?;
            }
        }
        Ok(())
    }

    /// Handles a token that has arrived.
    fn take(
        &self,
        one: &mut Running<'_>,
        mut prediction: Prediction,
        now_s: f64,
        observer: &mut dyn Observer,
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

/// The summary of a sequence that was stopped before it had a slot.
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

/// The draw of a token.
fn draw(drawn: &DrawnBits) -> Draw {
    Draw {
        u: drawn.u(),
        start: drawn.start(),
        probability: drawn.probability(),
        kept: drawn.kept,
    }
}
