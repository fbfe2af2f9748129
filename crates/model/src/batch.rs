//! Decoding several sequences in one pass.

use vitrine_checkpoint::RopeRegime;
use vitrine_gpu::Readback;
use vitrine_kernels::Row;

use crate::ModelError;
use crate::kv_cache::regimes;
use crate::model::{Model, Pending, Prediction};
use crate::plan::{BatchPlan, CANDIDATE_BYTES};
use crate::sampler::{CHOSEN_BYTES, DRAWN_BYTES};
use crate::sequences::SequenceId;

/// The results of a batched step that have not been read back yet.
pub struct PendingBatch {
    sequences: usize,
    parts: Vec<Part>,
}

/// The results of one pass.
struct Part {
    /// Index in the request of each of its rows.
    places: Vec<usize>,
    pending: PendingPart,
}

enum PendingPart {
    One(Pending),
    Several {
        readback: Readback,
        /// For each row, whether its token was sampled.
        drawn: Vec<bool>,
        top: u32,
    },
}

impl Model {
    /// Appends to each of these sequences the token that its last step chose, and predicts the one
    /// after it, with the `top` best candidates. Each gets the tokens that it would get alone.
    ///
    /// The sequences share a pass, which reads each weight once, whatever their lengths. Sequences
    /// with different rotary angles (`longrope`, `dynamic`) run in separate passes, because a pass
    /// has one table of angles. While tokens are inspected, every sequence runs alone.
    ///
    /// # Errors
    /// When a sequence has ended, is named twice, or fills its context; or GPU memory runs out.
    pub fn decode_batch(
        &mut self,
        ids: &[SequenceId],
        top: u32,
    ) -> Result<PendingBatch, ModelError> {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != ids.len() {
            return Err(ModelError::NamedTwice);
        }
        for id in ids {
            let positions = self.sequences.get(*id)?.position + 1;
            self.reserve(*id, positions)?;
        }
        let mut alike: Vec<(Vec<RopeRegime>, Vec<usize>)> = Vec::new();
        let mut parts = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            let sequence = self.sequences.get(*id)?;
            let wanted = regimes(&self.config, sequence.prompt, sequence.position + 1);
            if sequence.regimes != wanted {
                // Its cached keys are invalid: the whole sequence is prefilled again.
                parts.push(Part {
                    places: vec![place],
                    pending: PendingPart::One(self.advance(*id, top)?),
                });
                continue;
            }
            match alike.iter_mut().find(|(regimes, _)| *regimes == wanted) {
                Some((_, places)) => places.push(place),
                None => alike.push((wanted, vec![place])),
            }
        }
        let most = match &self.watching {
            // A packet describes a single row.
            Some(_) => 1,
            None => BatchPlan::most_rows(&self.gpu, &self.weights) as usize,
        };
        for (regimes, places) in alike {
            self.cache.turn(&self.gpu, &self.config, &regimes);
            for places in places.chunks(most) {
                let ids: Vec<_> = places.iter().map(|place| ids[*place]).collect();
                let pending = match ids[..] {
                    [id] => PendingPart::One(self.advance(id, top)?),
                    _ => self.pass_of(&ids, top)?,
                };
                parts.push(Part {
                    places: places.to_vec(),
                    pending,
                });
            }
        }
        Ok(PendingBatch {
            sequences: ids.len(),
            parts,
        })
    }

    /// Runs one pass over several sequences whose pages are reserved.
    fn pass_of(&mut self, ids: &[SequenceId], top: u32) -> Result<PendingPart, ModelError> {
        let n = ids.len() as u32;
        let plan = self.batch_plan(n)?;
        let mut rows = Vec::new();
        for id in ids {
            let sequence = self.sequences.get_mut(*id)?;
            rows.push(Row {
                position: sequence.position,
                sequence: id.0,
            });
            sequence.position += 1;
        }
        self.point(rows.iter().copied());
        for row in &mut rows {
            row.position += 1;
        }
        // `argmax` has moved the positions on by one.
        self.sequences.rows = rows;

        let drawn = self.prepare_batch_draw(ids, plan)?;
        let must_count = match &mut self.sampler {
            // The recording counts every row, so each is marked as counted.
            Some(sampler) => ids
                .iter()
                .fold(false, |any, id| sampler.must_count(*id) | any),
            None => false,
        };
        let plan = &self.batches[plan];
        let mut recordings = vec![&plan.step];
        let mut results = vec![(&plan.chosen, u64::from(n) * CHOSEN_BYTES)];
        match plan.draw.as_ref().filter(|_| drawn.contains(&true)) {
            Some(draw) => {
                recordings.extend(must_count.then_some(&draw.count));
                recordings.push(&draw.sample);
                results.push((&draw.drawn, u64::from(n) * DRAWN_BYTES));
            }
            None => recordings.push(&plan.greedy),
        }
        if top > 0 {
            recordings.push(&plan.top_k);
            results.push((&plan.candidates, u64::from(n) * CANDIDATE_BYTES));
        }
        Ok(PendingPart::Several {
            readback: self.gpu.submit_and_read(n, recordings, &results),
            drawn,
            top,
        })
    }

    /// Index of the plan for `n` sequences, which is made on first use.
    fn batch_plan(&mut self, n: u32) -> Result<usize, ModelError> {
        let rows = n.next_power_of_two();
        if let Some(index) = self.batches.iter().position(|plan| plan.rows == rows) {
            return Ok(index);
        }
        let plan = BatchPlan::new(self.basis(), rows)?;
        self.batches.push(plan);
        Ok(self.batches.len() - 1)
    }
}

impl PendingBatch {
    /// Waits for the results, one for each sequence in the order of the request.
    ///
    /// # Errors
    /// When the device fails, or logits are not finite.
    pub async fn predictions(self) -> Result<Vec<Prediction>, ModelError> {
        let mut all = vec![None; self.sequences];
        for Part { places, pending } in self.parts {
            match pending {
                PendingPart::One(pending) => all[places[0]] = Some(pending.prediction().await?),
                PendingPart::Several {
                    readback,
                    drawn,
                    top,
                } => {
                    let bytes = readback.bytes().await?;
                    let rows = places.len();
                    let draws = if drawn.contains(&true) { rows } else { 0 };
                    let (chosen, rest) = bytes.split_at(rows * CHOSEN_BYTES as usize);
                    let (draws, candidates) = rest.split_at(draws * DRAWN_BYTES as usize);
                    let mut chosen = chosen.chunks_exact(CHOSEN_BYTES as usize);
                    let mut draws = draws.chunks_exact(DRAWN_BYTES as usize);
                    let mut candidates = candidates.chunks_exact(CANDIDATE_BYTES as usize);
                    for (place, drawn) in places.into_iter().zip(drawn) {
                        let chosen = chosen.next().unwrap_or_default();
                        let draw = draws.next().filter(|_| drawn).unwrap_or_default();
                        let candidates = candidates.next().unwrap_or_default();
                        let prediction = Prediction::read(chosen, draw, candidates, top as usize)?;
                        all[place] = Some(prediction);
                    }
                }
            }
        }
        Ok(all.into_iter().flatten().collect())
    }
}
