//! Several prompts in one run.

use std::collections::VecDeque;

use vitrine_gpu::Clock;
use vitrine_model::{ModelError, SequenceId};
use vitrine_protocol::{BatchRequest, BatchSummary, GenerateRequest, PacketParts};

use crate::drive::{Waiting, Work};
use crate::{Engine, EngineError, Observer};

impl Engine {
    /// Continues several prompts in one run, each with its own sampling. A step advances all sequences and reads each
    /// weight once. When a sequence ends, a waiting one takes its slot. Each gets the tokens that it would get alone.
    ///
    /// Prompts with different interventions or packets run in groups, one group at a time. Inspected sequences take
    /// turns, each in a pass of its own.
    ///
    /// # Errors
    /// When a prompt is empty, too long or cannot be encoded (nothing runs then), an intervention is invalid, or the
    /// device fails.
    pub async fn generate_batch(
        &mut self,
        request: &BatchRequest,
        observer: &mut dyn Observer,
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
            // Most sequences have ended by then.
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
        observer: &mut dyn Observer,
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

/// The order of the request, except that prompts which can run with an earlier one follow it.
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
