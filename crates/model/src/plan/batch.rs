use vitrine_gpu::{Buffer, Gpu, Recording, Usage};
use vitrine_kernels::{Bests, Chosen, Dtype};

use super::{Builder, MAX_PASS, PlanInputs};
use crate::ModelError;
use crate::readout::{LOGITS_BYTES, ROWS_PER_LANE};
use crate::sampler::Draw;
use crate::weights::Weights;

/// Recordings for a step of several sequences.
pub struct BatchPlan {
    /// Maximum rows.
    pub rows: u32,
    /// Computes the logits and scans them.
    pub step: Recording,
    /// Chooses the best tokens and writes them to the history.
    pub greedy: Recording,
    /// Samples tokens; made on first use.
    pub draw: Option<Draw>,
    /// (rows, vocab_size), f32.
    pub logits: Buffer,
    /// Partial results of `argmax` over the logits.
    pub bests: Bests,
    /// Finds the [`TOP_K`] best logits of each row.
    pub top_k: Recording,
    /// The choice of `argmax` for each row.
    pub chosen: Buffer,
    /// The result of `top_k`.
    pub candidates: Buffer,
}

impl BatchPlan {
    /// A plan for up to `rows` sequences.
    pub fn new(basis: PlanInputs<'_>, rows: u32) -> Result<Self, ModelError> {
        let PlanInputs {
            gpu,
            config,
            weights,
            act,
            ..
        } = basis;
        let step = Builder::new(basis, rows);
        let mut step = step.body(weights)?;
        let head = weights.head();
        // Kernels may write a few rows beyond the last.
        let space = u64::from(rows.next_multiple_of(ROWS_PER_LANE));
        let logits = gpu.buffer(
            "batch logits",
            space * u64::from(head.rows) * 4,
            Usage::Work,
        )?;
        let chosen_bytes = u64::from(rows) * size_of::<Chosen>() as u64;
        let chosen = gpu.buffer("batch chosen", chosen_bytes, Usage::Work)?;
        let bests = Bests::new(gpu, config.vocab_size, rows)?;
        step.enter("head", None, "norm");
        step.norm(&weights.norm, None)?;
        step.enter("head", None, "lm_head");
        let result = (&logits, Dtype::F32);
        step.ops().matmul(head, None, &act.normed, result, false)?;
        let (greedy, top_k, candidates) = step.choose(weights, &logits, &bests, &chosen, rows)?;
        Ok(Self {
            rows,
            step: step.recording,
            greedy,
            draw: None,
            logits,
            bests,
            top_k,
            chosen,
            candidates,
        })
    }

    /// Maximum rows of a batch, a power of two, limited by the memory of the logits.
    pub fn most_rows(gpu: &Gpu, weights: &Weights) -> u32 {
        let row = u64::from(weights.head().rows) * 4;
        let bytes = LOGITS_BYTES.min(gpu.caps().max_storage_binding);
        let rows = (bytes / row).clamp(1, MAX_PASS.into()) as u32;
        1 << rows.ilog2()
    }
}
