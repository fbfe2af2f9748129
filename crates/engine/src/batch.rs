//! Several prompts in one run.

use std::collections::VecDeque;

use vitrine_gpu::Clock;
use vitrine_model::{ModelError, SequenceId};
use vitrine_protocol::{
    BatchRequest, BatchSummary, GenerateRequest, GenerateSummary, Intervention, PacketParts,
    SamplingParams, TokenPiece, TokenStep,
};

use crate::drive::{Waiting, Work};
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
    /// Asked after each step: what is to be different from here on in all that run. Means of heads are
    /// those over the first one's prompt.
    fn new_interventions(&mut self) -> Option<Vec<Intervention>> {
        None
    }
    /// Asked after each step: how to choose from now on in all that run. The step that is under way by
    /// then goes on as it was.
    fn new_sampling(&mut self) -> Option<SamplingParams> {
        None
    }
}

/// Hears and does nothing.
impl BatchObserver for () {}

impl Engine {
    /// Continues several prompts in one run, each with its own sampling: each step takes all sequences
    /// at once, and reads each weight once for all of them. A sequence that ends leaves its place to
    /// one that waits. Each gets the tokens that it would get alone.
    ///
    /// Prompts whose interventions or packets differ run one group after the other. Tokens with
    /// packets take turns, each in a pass of its own.
    ///
    /// # Errors
    /// When a prompt is empty, too long or cannot be encoded (then nothing has begun), an intervention
    /// cannot be, or the device fails.
    pub async fn generate_batch(
        &mut self,
        request: &BatchRequest,
        observer: &mut dyn BatchObserver,
    ) -> Result<BatchSummary, EngineError> {
        let mut waiting = Vec::new();
        for (index, one) in request.sequences.iter().enumerate() {
            let ids = self.prompt_of(one).await;
            waiting.push(Waiting {
                index,
                request: one,
                prompt_ids: ids.map_err(|error| error.of_prompt(index))?,
            });
        }
        let mut opened = Vec::new();
        let outcome = self
            .run_batch(request, grouped(waiting), observer, &mut opened)
            .await;
        for id in opened {
            // Most have ended long ago.
            let _ = self.model.end(id);
        }
        outcome
    }

    /// The ids of a prompt that can run in a batch.
    async fn prompt_of(&self, request: &GenerateRequest) -> Result<Vec<u32>, EngineError> {
        if !request.kv_cache {
            return Err(EngineError::NotInBatch);
        }
        let ids = self.encode(&request.prompt).await?;
        self.model.check_ids(&ids)?;
        request.sampling.check().map_err(ModelError::from)?;
        Ok(ids)
    }

    async fn run_batch(
        &mut self,
        request: &BatchRequest,
        waiting: VecDeque<Waiting<'_>>,
        observer: &mut dyn BatchObserver,
        opened: &mut Vec<SequenceId>,
    ) -> Result<BatchSummary, EngineError> {
        let clock = Clock::start();
        let requests = &request.sequences;
        let width = (request.width.max(1) as usize).min(requests.len());
        let work = Work {
            clock,
            waiting,
            admitted: None,
            running: Vec::new(),
            underway: VecDeque::new(),
            width,
            top: requests.iter().map(|one| one.top).max().unwrap_or(0),
            packet: PacketParts::default(),
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
}

/// In the order of the request, but for those that can run with an earlier one: they follow it.
fn grouped(waiting: Vec<Waiting<'_>>) -> VecDeque<Waiting<'_>> {
    let mut groups: Vec<Vec<Waiting<'_>>> = Vec::new();
    for one in waiting {
        match groups.iter_mut().find(|group| group[0].runs_with(&one)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups.into_iter().flatten().collect()
}
