mod pages;
mod passes;
mod sampling;
mod sequences;

use std::ops::Range;

use vitrine_checkpoint::Config;
use vitrine_gpu::{Detail, Gpu, PendingSpans, Readback, Span, Timer};
use vitrine_kernels::{Chosen, DrawnBits, TOP_K};
use vitrine_protocol::PacketParts;

use crate::activations::Activations;
use crate::kv_cache::KvCache;
use crate::lens_pace::{Begun, LensPace};
use crate::packet::{Inspection, PacketLayout};
use crate::plan::{BatchPlan, CANDIDATE_BYTES, Changes, Plan, PlanInputs, candidates};
use crate::readout::{PendingRows, Readout, ReadoutRequest};
use crate::sampler::{CHOSEN_BYTES, DRAWN_BYTES, Draw, Sampler};
use crate::sequences::{SequenceId, Sequences};
use crate::weights::Weights;
use crate::{Change, ModelError, Packet, Tuning};

/// A decoder on the GPU with its KV cache.
///
/// It holds several sequences ([`Model::start`]). [`Model::prefill`], [`Model::decode`] and
/// [`Model::jump`] use the first one, which always exists.
///
/// Work is submitted without waiting: [`Model::prefill`] and [`Model::decode`] return a
/// [`Pending`] result, and the next step can be submitted before it is awaited, because the chosen
/// token stays on the GPU.
pub struct Model {
    pub(crate) gpu: Gpu,
    pub(crate) config: Config,
    pub(crate) weights: Weights,
    pub(crate) act: Activations,
    pub(crate) cache: KvCache,
    pub(crate) changes: Changes,
    pub(crate) tuning: Tuning,
    pub(crate) plan: Plan,
    /// The plans of batches, made on first use.
    pub(crate) batches: Vec<BatchPlan>,
    pub(crate) watching: Option<Inspection>,
    /// [`LoadOptions::watch`](crate::LoadOptions::watch).
    pub(crate) usual_packet_parts: PacketParts,
    /// Made by the first [`Model::prefill_positions`].
    pub(crate) readout: Option<Readout>,
    pub(crate) sequences: Sequences,
    /// Made on first use.
    pub(crate) sampler: Option<Sampler>,
    /// Made on first use, and again when the buffers that it binds change.
    pub(crate) draw: Option<Draw>,
    /// Set by [`Model::time`].
    pub(crate) timer: Option<Timer>,
}

/// The result of a step that has not been read back yet.
pub struct Pending {
    readback: Readback,
    drawn: bool,
    top: usize,
    watched: Option<(PacketLayout, Vec<PendingRows>)>,
    pace: Option<(LensPace, Begun)>,
    spans: Option<PendingSpans>,
}

/// What runs before the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The layers for many tokens.
    Prefill,
    /// The layers for one token, at this position.
    Decode(u32),
    /// The layers for one inspected token, at this position.
    Watched(u32),
    /// Nothing: the layers have already run.
    Done,
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The chosen token, and the logsumexp of all logits.
    pub chosen: Chosen,
    /// How the token was sampled; `None` for greedy decoding.
    pub drawn: Option<DrawnBits>,
    /// The best ids with their logits, best first; empty unless requested.
    pub top: Vec<(u32, f32)>,
    /// Inspection data, if requested by [`Model::watch`].
    pub packet: Option<Packet>,
    /// GPU time of each span of the pass, in order; empty unless requested.
    pub spans: Vec<Span>,
}

impl Model {
    /// Bytes per token in the KV cache.
    #[must_use]
    pub fn kv_bytes_per_token(&self) -> u64 {
        self.cache.dtype.bytes_per_token(&self.config)
    }

    /// Its hyperparameters.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The device it runs on.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Bytes of weights on the GPU.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        self.weights.bytes()
    }

    /// Restarts the first sequence with `ids`, and predicts the token after them, with the `top` best
    /// candidates (at most [`TOP_K`]).
    ///
    /// # Errors
    /// When there are no ids, too many, or unknown ones; or GPU memory runs out.
    pub fn prefill(&mut self, ids: &[u32], top: u32) -> Result<Pending, ModelError> {
        self.begin(SequenceId::FIRST, ids, top, &mut |_, _, _| ())
    }

    /// As [`Model::prefill`], but predicts the token after every position, with the `top` best
    /// candidates, and with logit and rank of the token that actually follows. The rows of all
    /// results, concatenated, are the positions in order.
    ///
    /// # Errors
    /// When there are no ids, too many, or unknown ones; or GPU memory runs out.
    pub fn prefill_positions(
        &mut self,
        ids: &[u32],
        top: u32,
    ) -> Result<Vec<PendingRows>, ModelError> {
        let readout = match self.readout.take() {
            Some(readout) => readout,
            None => self.readout(Readout::rows_for(&self.config), TOP_K)?,
        };
        let mut pending = Vec::new();
        let mut read = |model: &Self, position: u32, n_tokens: u32| {
            let request = |rows: Range<u32>| {
                let following = ((position + rows.start) as usize + 1).min(ids.len());
                let targets = &ids[following..];
                ReadoutRequest { top, targets }
            };
            let keep = |_, rows| pending.push(rows);
            readout.read_all(&model.gpu, &model.act.residual, n_tokens, request, keep);
        };
        let last = self.begin(SequenceId::FIRST, ids, 0, &mut read);
        self.readout = Some(readout);
        drop(last?);
        Ok(pending)
    }

    /// A readout for at least `rows` rows of this model's residual stream, with at most `most`
    /// candidates of each ([`TOP_K`] or fewer).
    ///
    /// # Errors
    /// When GPU memory runs out.
    pub fn readout(&self, rows: u32, most: u32) -> Result<Readout, ModelError> {
        Readout::new(self.basis(), rows, most)
    }

    /// Appends the token that the last step chose, and predicts the one after it.
    ///
    /// # Errors
    /// When the context is full, or GPU memory runs out.
    pub fn decode(&mut self, top: u32) -> Result<Pending, ModelError> {
        self.advance(SequenceId::FIRST, top)
    }

    /// Moves to `position` without computing the positions before it: for measurements, whose time
    /// does not depend on the contents of the cache.
    ///
    /// # Errors
    /// When the context has no such position, or GPU memory runs out.
    pub fn jump(&mut self, position: u32) -> Result<(), ModelError> {
        self.place(SequenceId::FIRST, position)
    }

    /// The number of kernel dispatches for the token at `position`.
    #[must_use]
    pub fn dispatches_per_token(&self, position: u32) -> u32 {
        let Plan {
            decode,
            head,
            greedy,
            ..
        } = &self.plan;
        let decode = decode.at(position);
        (decode.dispatches() + head.dispatches() + greedy.dispatches()) as u32
    }

    /// Bytes of weights, keys and values read to decode a token after `context` positions.
    #[must_use]
    pub fn bytes_per_token(&self, context: u32) -> u64 {
        // A lookup table contributes a single row, which is negligible.
        let looked_up = match &self.weights.lm_head {
            Some(_) => self.weights.embed_tokens.bytes(),
            None => 0,
        };
        let positions = self.weights.embed_positions.as_ref();
        let positions = positions.map_or(0, |table| table.bytes());
        self.weights.bytes() - looked_up - positions + self.cache_bytes_read(context)
    }

    /// Reads back all logits of the last step, (vocab_size).
    ///
    /// # Errors
    /// When the device fails.
    pub async fn logits(&self) -> Result<Vec<f32>, ModelError> {
        let bytes = u64::from(self.config.vocab_size) * 4;
        let readback = self
            .gpu
            .submit_and_read(0, [], &[(&self.act.logits, bytes)]);
        Ok(bytemuck::pod_collect_to_vec(&readback.bytes().await?))
    }

    /// Submits a body and the head, the choice of the next token of `id`, and the readback.
    pub(crate) fn finish(
        &mut self,
        id: SequenceId,
        body: Body,
        n_tokens: u32,
        top: u32,
    ) -> Result<Pending, ModelError> {
        let draws = self.prepare_draw(id)?;
        let must_count = self.sampler.as_mut().is_some_and(|it| it.must_count(id));
        let plan = &self.plan;
        let watched = matches!(body, Body::Watched(_));
        let watching = self.watching.as_ref().filter(|_| watched);
        let mut recordings = match body {
            Body::Prefill => vec![&plan.prefill],
            Body::Decode(position) => vec![plan.decode.at(position)],
            Body::Watched(position) => {
                let bodies = watching.iter().map(|it| it.watch.body.at(position));
                bodies.collect()
            }
            Body::Done => vec![],
        };
        recordings.push(&plan.head);
        let mut results = vec![(&self.act.chosen, CHOSEN_BYTES)];
        let draw = self.draw.as_ref().filter(|_| draws);
        if let Some(draw) = draw {
            recordings.extend(must_count.then_some(&draw.count));
            recordings.push(&draw.sample);
            results.push((&draw.drawn, DRAWN_BYTES));
        } else {
            recordings.push(&plan.greedy);
        }
        if top > 0 {
            recordings.push(&plan.top_k);
            results.push((&plan.candidates, CANDIDATE_BYTES));
        }
        let layout = watching.map(|watching| {
            recordings.push(&watching.watch.sums);
            let (kept, layout) = watching.results(&self.config);
            results.extend(kept);
            layout
        });
        let gpu = &self.gpu;
        let timer = watching.and_then(|watching| watching.timer.as_ref());
        let (readback, spans) = match self.timer.as_ref().or(timer) {
            None => (gpu.submit_and_read(n_tokens, recordings, &results), None),
            Some(timer) => {
                let (readback, spans) =
                    gpu.submit_and_read_timed(n_tokens, recordings, &results, timer);
                (readback, Some(spans))
            }
        };
        let pace = watching.and_then(|watching| watching.pace.as_ref());
        let pace = pace.map(|pace| (pace.clone(), pace.begin()));
        let has_lens = pace.as_ref().is_none_or(|(_, begun)| begun.has_lens);
        let lens = watching.map(|watching| match has_lens {
            true => watching.read_lens(self),
            false => Vec::new(),
        });
        let watched = layout.zip(lens);
        Ok(Pending {
            readback,
            drawn: draw.is_some(),
            top: top as usize,
            watched,
            pace,
            spans,
        })
    }

    /// Times later steps on the GPU in this detail ([`Prediction::spans`]), or ends timing. For a prompt
    /// of several passes, the last pass is timed. Returns whether the adapter supports this.
    ///
    /// # Errors
    /// When GPU memory for the timestamps runs out.
    pub fn time(&mut self, detail: Option<Detail>) -> Result<bool, ModelError> {
        if self.timer.as_ref().map(Timer::detail) != detail {
            self.timer = match detail {
                Some(detail) => self.gpu.timer(detail)?,
                None => None,
            };
        }
        Ok(detail.is_none() || self.timer.is_some())
    }

    /// Replaces the active changes. They apply to every later pass, also within a sequence; an empty
    /// slice removes all changes.
    ///
    /// # Errors
    /// When [`Change::check`] fails, or GPU memory runs out.
    pub fn change(&mut self, changes: &[Change]) -> Result<(), ModelError> {
        let changes = Changes::new(&self.gpu, &self.config, &self.act, changes)?;
        self.plan = Plan::new(PlanInputs {
            changes: &changes,
            ..self.basis()
        })?;
        self.batches.clear();
        self.changes = changes;
        self.rebuild_inspection()
    }

    /// The current inputs of plans.
    pub(crate) fn basis(&self) -> PlanInputs<'_> {
        PlanInputs {
            gpu: &self.gpu,
            config: &self.config,
            weights: &self.weights,
            act: &self.act,
            cache: &self.cache,
            changes: &self.changes,
            tuning: &self.tuning,
        }
    }

    /// Checks that a sequence can begin with `ids`.
    ///
    /// # Errors
    /// When there are no ids, too many, or unknown ones.
    pub fn check_ids(&self, ids: &[u32]) -> Result<(), ModelError> {
        let context = self.config.max_position_embeddings;
        let vocab = self.config.vocab_size;
        if ids.is_empty() {
            return Err(ModelError::EmptyPrompt);
        }
        if ids.len() as u64 > u64::from(context) {
            return Err(ModelError::TooLong {
                tokens: ids.len(),
                context,
            });
        }
        match ids.iter().find(|id| **id >= vocab) {
            Some(&id) => Err(ModelError::UnknownToken { id, vocab }),
            None => Ok(()),
        }
    }
}

impl Pending {
    /// Waits for the result.
    ///
    /// # Errors
    /// When the device fails, or the logits are not finite.
    pub async fn prediction(self) -> Result<Prediction, ModelError> {
        let bytes = self.readback.bytes().await?;
        let drawn_bytes = if self.drawn { DRAWN_BYTES } else { 0 };
        let candidate_bytes = if self.top > 0 { CANDIDATE_BYTES } else { 0 };
        let (chosen, rest) = bytes.split_at(CHOSEN_BYTES as usize);
        let (drawn, rest) = rest.split_at(drawn_bytes as usize);
        let (candidates, rest) = rest.split_at(candidate_bytes as usize);
        let tick_bytes = self.spans.as_ref().map_or(0, PendingSpans::bytes);
        let (packet_bytes, ticks) = rest.split_at(rest.len() - tick_bytes);
        let mut prediction = Prediction::read(chosen, drawn, candidates, self.top)?;
        if let Some((layout, lens)) = self.watched {
            prediction.packet = Some(layout.packet(packet_bytes, lens).await?);
        }
        if let Some((pace, begun)) = &self.pace {
            pace.came(*begun);
        }
        if let Some(spans) = self.spans {
            prediction.spans = spans.spans(ticks);
        }
        Ok(prediction)
    }
}

impl Prediction {
    /// Parses the results of a row; `drawn` is empty if the best token was taken.
    pub(crate) fn read(
        chosen: &[u8],
        drawn: &[u8],
        candidate_bytes: &[u8],
        top: usize,
    ) -> Result<Self, ModelError> {
        let chosen: Chosen = bytemuck::pod_read_unaligned(chosen);
        if !chosen.logsumexp.is_finite() {
            return Err(ModelError::NotFinite);
        }
        Ok(Self {
            chosen,
            drawn: (!drawn.is_empty()).then(|| bytemuck::pod_read_unaligned(drawn)),
            top: candidates(candidate_bytes, top),
            packet: None,
            spans: Vec::new(),
        })
    }
}
