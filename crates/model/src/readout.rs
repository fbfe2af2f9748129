//! Readout: final norm and output head for many rows of the residual stream at once.

use std::ops::Range;

use vitrine_checkpoint::Config;
use vitrine_gpu::{Buffer, Extent, Gpu, Readback, Recording, Usage};
use vitrine_kernels::{Argmax, Bests, Chosen, Dtype, Rank, Ranked, SoftCap, TopK, stride};

use crate::ModelError;
use crate::ops::Ops;
use crate::plan::{PlanInputs, candidates};

/// The capacity of a readout is a multiple of this.
pub const ROWS_PER_LANE: u32 = 8;
/// Approximate maximum size of the logits of one run, in bytes.
pub const LOGITS_BYTES: u64 = 32 << 20;

/// Final norm, output head, soft cap and best candidates for several rows of the residual stream:
/// positions of a prompt, or one position after several layers. It does not affect the model's
/// sequences.
///
/// [`Readout::take`] copies rows in, at most [`Readout::capacity`] at a time, and [`Readout::read`]
/// runs the head on them.
pub struct Readout {
    capacity: u32,
    row_bytes: u64,
    stride: u32,
    /// (capacity, stride), in the data type of activations.
    input: Buffer,
    /// (capacity, stride), after the final norm.
    pub normed: Buffer,
    /// (capacity, [`Readout::logits_stride`]), f32.
    pub logits: Buffer,
    chosen: Buffer,
    /// (capacity, most) pairs.
    candidates: Buffer,
    /// Maximum candidates of a row.
    most: u32,
    targets: Buffer,
    ranks: Buffer,
    head: Recording,
    top_k: Recording,
    rank: Recording,
}

/// What to read out in addition to the best token and the logsumexp.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadoutRequest<'a> {
    /// Candidates of each row, at most the readout's maximum.
    pub top: u32,
    /// For each row, a token whose logit and rank are wanted. Rows beyond the end of the slice have
    /// none.
    pub targets: &'a [u32],
}

/// The rows of a readout that have not been read back yet.
pub struct PendingRows {
    readback: Readback,
    rows: usize,
    top: usize,
    /// Bytes of the candidates of a row.
    top_bytes: usize,
    ranked: usize,
}

/// The prediction of the output head for one row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowPrediction {
    /// The token of the highest logit.
    pub id: u32,
    /// Its logit.
    pub logit: f32,
    /// ln Σ exp(logit) over the vocabulary.
    pub logsumexp: f32,
    /// The best ids with their logits, best first.
    pub top: Vec<(u32, f32)>,
    /// Logit and rank of the row's target, if there is one.
    pub target: Option<Ranked>,
}

impl Readout {
    /// A reasonable capacity for a vocabulary: at most 64 rows, and fewer for large vocabularies.
    #[must_use]
    pub fn rows_for(config: &Config) -> u32 {
        let row = u64::from(stride(config.vocab_size)) * 4;
        let rows = (LOGITS_BYTES / row).clamp(u64::from(ROWS_PER_LANE), 64) as u32;
        rows / ROWS_PER_LANE * ROWS_PER_LANE
    }

    /// A readout for at least `rows` rows, with at most `most` candidates of each
    /// ([`TOP_K`](vitrine_kernels::TOP_K) or fewer).
    ///
    /// # Errors
    /// When GPU memory runs out.
    pub(crate) fn new(basis: PlanInputs<'_>, rows: u32, most: u32) -> Result<Self, ModelError> {
        let PlanInputs {
            gpu,
            config,
            weights,
            act,
            tuning,
            ..
        } = basis;
        let capacity = rows.max(1).next_multiple_of(ROWS_PER_LANE);
        let row_bytes = u64::from(stride(config.hidden_size)) * act.dtype.bytes();
        let (n, stride) = (config.vocab_size, weights.head().rows);
        let buffer = |label: &str, bytes_per_row: u64| {
            gpu.buffer(label, u64::from(capacity) * bytes_per_row, Usage::Work)
        };
        let input = buffer("readout rows", row_bytes)?;
        let normed = buffer("readout normed", row_bytes)?;
        let logits = buffer("readout logits", u64::from(stride) * 4)?;
        let chosen = buffer("readout chosen", size_of::<Chosen>() as u64)?;
        let targets = buffer("readout targets", 4)?;
        let ranks = buffer("readout ranks", size_of::<Ranked>() as u64)?;

        let each = Extent::Tokens { per: 1 };
        let mut head = Recording::default();
        let mut ops = Ops {
            gpu,
            config,
            tuning,
            act,
            rows: capacity,
            recording: &mut head,
        };
        ops.norm(&weights.norm, &input, &normed, &act.step, false, None)?;
        ops.matmul(weights.head(), None, &normed, (&logits, Dtype::F32), false)?;
        if let Some(cap) = config.final_soft_cap {
            let soft_cap = SoftCap { n, stride, cap };
            head.dispatch(soft_cap.dispatch(gpu, &logits, each)?);
        }
        let argmax = Argmax {
            n,
            stride,
            lanes: gpu.tier().row_invocations(),
        };
        let bests = Bests::new(gpu, n, capacity)?;
        head.dispatch(argmax.scan(gpu, &logits, &bests, each)?);
        head.dispatch(argmax.choose(gpu, &bests, &chosen, None, each)?);
        let k = most;
        let kernel = TopK { n, stride, k };
        let (dispatch, candidates) = kernel.dispatch(gpu, &logits, &bests, each, capacity)?;
        let mut top_k = Recording::default();
        top_k.dispatch(dispatch);
        let mut rank = Recording::default();
        let kernel = Rank { n, stride };
        rank.dispatch(kernel.dispatch(gpu, &logits, &targets, &ranks, each)?);
        Ok(Self {
            capacity,
            row_bytes,
            stride,
            input,
            normed,
            logits,
            chosen,
            candidates,
            most,
            targets,
            ranks,
            head,
            top_k,
            rank,
        })
    }

    /// All its recordings.
    pub(crate) fn recordings(&self) -> [&Recording; 3] {
        [&self.head, &self.top_k, &self.rank]
    }

    /// Rows that fit into one run.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Floats from one row of logits to the next.
    #[must_use]
    pub fn logits_stride(&self) -> u32 {
        self.stride
    }

    /// Bytes of a row of the residual stream.
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        self.row_bytes
    }

    /// Records a copy of `rows` rows of `source`, from row `first` on, to the readout's rows from `to` on.
    pub fn take(&self, recording: &mut Recording, source: &Buffer, first: u32, rows: u32, to: u32) {
        debug_assert!(to + rows <= self.capacity);
        let [first, rows, to] = [first, rows, to].map(|n| u64::from(n) * self.row_bytes);
        recording.copy(source, first, &self.input, to, rows);
    }

    /// Submits the readout of the first `rows` rows, without waiting.
    #[must_use]
    pub fn read(&self, gpu: &Gpu, rows: u32, request: ReadoutRequest<'_>) -> PendingRows {
        debug_assert!(rows <= self.capacity && request.top <= self.most);
        let mut recordings = vec![&self.head];
        let top_bytes = self.most as usize * 8;
        let of = |bytes: usize| u64::from(rows) * bytes as u64;
        let mut results = vec![(&self.chosen, of(size_of::<Chosen>()))];
        if request.top > 0 {
            recordings.push(&self.top_k);
            results.push((&self.candidates, of(top_bytes)));
        }
        let targets = &request.targets[..request.targets.len().min(rows as usize)];
        if !targets.is_empty() {
            gpu.write(&self.targets, 0, bytemuck::cast_slice(targets));
            recordings.push(&self.rank);
            results.push((&self.ranks, of(size_of::<Ranked>())));
        }
        PendingRows {
            readback: gpu.submit_and_read(rows, recordings, &results),
            rows: rows as usize,
            top: request.top as usize,
            top_bytes,
            ranked: targets.len(),
        }
    }

    /// Submits the readout of the first `n` rows of `source`, in ranges of up to [`Readout::capacity`] rows.
    /// `request` is called for each range before its readout, and `then` after it, before the next range
    /// overwrites the logits.
    pub fn read_all<'a>(
        &self,
        gpu: &Gpu,
        source: &Buffer,
        n: u32,
        request: impl Fn(Range<u32>) -> ReadoutRequest<'a>,
        mut then: impl FnMut(Range<u32>, PendingRows),
    ) {
        for first in (0..n).step_by(self.capacity as usize) {
            let rows = first..n.min(first + self.capacity);
            let mut rows_in = Recording::default();
            self.take(&mut rows_in, source, first, rows.len() as u32, 0);
            gpu.submit(0, [&rows_in]);
            let pending = self.read(gpu, rows.len() as u32, request(rows.clone()));
            then(rows, pending);
        }
    }

    /// Reads back the logits of the first `rows` rows of the last run, (rows, vocab_size).
    ///
    /// # Errors
    /// When the device fails.
    pub async fn all_logits(
        &self,
        gpu: &Gpu,
        rows: u32,
        vocab_size: u32,
    ) -> Result<Vec<f32>, ModelError> {
        let bytes = u64::from(rows) * u64::from(self.stride) * 4;
        let readback = gpu.submit_and_read(0, [], &[(&self.logits, bytes)]);
        let padded: Vec<f32> = bytemuck::pod_collect_to_vec(&readback.bytes().await?);
        let rows = padded.chunks_exact(self.stride as usize);
        Ok(rows
            .flat_map(|row| &row[..vocab_size as usize])
            .copied()
            .collect())
    }
}

impl PendingRows {
    /// Waits for the rows, in order.
    ///
    /// # Errors
    /// When the device fails, or logits are not finite.
    pub async fn rows(self) -> Result<Vec<RowPrediction>, ModelError> {
        let bytes = self.readback.bytes().await?;
        let (chosen, rest) = bytes.split_at(self.rows * size_of::<Chosen>());
        let with_top = if self.top > 0 { self.rows } else { 0 };
        let (top, ranks) = rest.split_at(with_top * self.top_bytes);
        let chosen: Vec<Chosen> = bytemuck::pod_collect_to_vec(chosen);
        let ranks: Vec<Ranked> = bytemuck::pod_collect_to_vec(ranks);
        let mut tops = top.chunks_exact(self.top_bytes);
        let mut rows = Vec::with_capacity(self.rows);
        for (row, chosen) in chosen.into_iter().enumerate() {
            if !chosen.logsumexp.is_finite() {
                return Err(ModelError::NotFinite);
            }
            let target = ranks[..ranks.len().min(self.ranked)].get(row).copied();
            rows.push(RowPrediction {
                id: chosen.id,
                logit: chosen.logit,
                logsumexp: chosen.logsumexp,
                top: tops
                    .next()
                    .map(|bytes| candidates(bytes, self.top))
                    .unwrap_or_default(),
                target,
            });
        }
        Ok(rows)
    }
}
