//! Plans: the recordings of a model's passes, made from weights and configuration.

mod batch;
mod changes;
mod decode;
mod inspected;
mod layer;
mod tapped;

use vitrine_checkpoint::Config;
use vitrine_gpu::{Buffer, Dispatch, Extent, Gpu, Place, Recording};
use vitrine_kernels::{Argmax, Bests, Dtype, Embed, MAX_ROWS, SoftCap, TOP_K, Table, TopK, stride};

use crate::activations::Activations;
use crate::kv_cache::KvCache;
use crate::ops::Ops;
use crate::weights::Weights;
use crate::{ModelError, Tap, Tuning};
pub use batch::BatchPlan;
pub use changes::Changes;
pub use decode::DecodePlan;
pub use inspected::{NEURONS, Watch};
pub use tapped::{Read, Segment, TapBuffers};

/// Maximum tokens of a pass; longer prompts take several passes.
pub const MAX_PASS: u32 = MAX_ROWS;

/// Recordings that turn token ids into a chosen token.
pub struct Plan {
    /// Embedding and layers for a pass of many tokens.
    pub prefill: Recording,
    /// Embedding and layers for one token.
    pub decode: DecodePlan,
    /// Final norm, output head and the scan of the logits, for the last token of either.
    pub head: Recording,
    /// Chooses the best token and writes it to the history.
    pub greedy: Recording,
    /// Finds the [`TOP_K`] best logits.
    pub top_k: Recording,
    /// The result of `top_k`: pairs of logit bits and id.
    pub candidates: Buffer,
}

/// Bytes of the result of `top_k` per row.
pub const CANDIDATE_BYTES: u64 = TOP_K as u64 * 8;

/// Parses the first `top` results of `top_k` for a row.
pub fn candidates(bytes: &[u8], top: usize) -> Vec<(u32, f32)> {
    let pairs: Vec<[u32; 2]> = bytemuck::pod_collect_to_vec(bytes);
    pairs
        .into_iter()
        .filter(|[_, id]| *id != u32::MAX)
        .take(top)
        .map(|[logit, id]| (id, f32::from_bits(logit)))
        .collect()
}

/// The inputs of a plan.
#[derive(Clone, Copy)]
pub struct PlanInputs<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// The model's hyperparameters.
    pub config: &'a Config,
    /// Its weights.
    pub weights: &'a Weights,
    /// Its activations.
    pub act: &'a Activations,
    /// Its KV cache.
    pub cache: &'a KvCache,
    /// The active changes.
    pub changes: &'a Changes,
    /// The tilings measured on this adapter.
    pub tuning: &'a Tuning,
}

/// The state of building a plan.
struct Builder<'a> {
    gpu: &'a Gpu,
    config: &'a Config,
    act: &'a Activations,
    cache: &'a KvCache,
    tuning: &'a Tuning,
    /// Maximum rows of a pass.
    rows: u32,
    /// Whether the rows belong to a single sequence.
    prefill: bool,
    /// Whether all keys of a token are in one KV split.
    short: bool,
    /// Partial results of attention over KV splits, reused by each layer.
    partials: Option<Buffer>,
    changes: &'a Changes,
    tapping: Option<&'a TapBuffers>,
    watch: Option<&'a Watch>,
    recording: Recording,
    /// The segments that end at earlier taps.
    segments: Vec<Segment>,
}

impl<'a> Builder<'a> {
    fn new(basis: PlanInputs<'a>, rows: u32) -> Self {
        let PlanInputs {
            gpu,
            config,
            act,
            cache,
            changes,
            tuning,
            ..
        } = basis;
        Self {
            gpu,
            config,
            act,
            cache,
            tuning,
            rows,
            prefill: false,
            short: false,
            partials: None,
            changes,
            tapping: None,
            watch: None,
            recording: Recording::default(),
            segments: Vec::new(),
        }
    }
}

impl Plan {
    /// Compiles the kernels and binds the buffers. A new plan is needed when the cache has grown.
    pub fn new(basis: PlanInputs<'_>) -> Result<Self, ModelError> {
        let PlanInputs { weights, act, .. } = basis;
        let builder = |rows| Builder::new(basis, rows);
        let mut head = builder(1);
        head.head(weights)?;
        let logits = &act.logits;
        let (greedy, top_k, candidates) =
            head.choose(weights, logits, &act.bests, &act.chosen, 1)?;
        let prefill = Builder {
            prefill: true,
            ..builder(MAX_PASS)
        };
        Ok(Self {
            prefill: prefill.body(weights)?.recording,
            decode: DecodePlan::new(basis, || builder(1))?,
            head: head.recording,
            greedy,
            top_k,
            candidates,
        })
    }

    /// A plan of some layers, with the output head if `rows` is 1, for tuning.
    pub fn excerpt(
        basis: PlanInputs<'_>,
        layers: &[usize],
        rows: u32,
    ) -> Result<Recording, ModelError> {
        let weights = basis.weights;
        let mut builder = Builder {
            prefill: rows == MAX_PASS,
            ..Builder::new(basis, rows)
        };
        builder.embed(weights)?;
        for &index in layers {
            builder.layer(weights, index)?;
        }
        if rows == 1 {
            builder.head(weights)?;
        }
        Ok(builder.recording)
    }

    /// A prefill pass, split into segments at every tap. The last segment ends with the pass.
    pub fn tapped(basis: PlanInputs<'_>, tapping: &TapBuffers) -> Result<Vec<Segment>, ModelError> {
        let weights = basis.weights;
        let builder = Builder {
            tapping: Some(tapping),
            prefill: true,
            ..Builder::new(basis, MAX_PASS)
        };
        let mut built = builder.body(weights)?;
        built.tap_end(weights)?;
        built.segments.push(Segment {
            recording: built.recording,
            reads: Vec::new(),
        });
        Ok(built.segments)
    }
}

impl Builder<'_> {
    /// Sets the label of the dispatches that follow.
    fn enter(&mut self, stage: &'static str, layer: Option<u32>, name: &'static str) {
        self.recording.enter(Place { stage, layer, name });
    }

    fn body(mut self, weights: &Weights) -> Result<Self, ModelError> {
        self.embed(weights)?;
        for index in 0..weights.layers.len() {
            self.layer(weights, index)?;
        }
        Ok(self)
    }

    fn layer(&mut self, weights: &Weights, index: usize) -> Result<(), ModelError> {
        let (layer, number) = (&weights.layers[index], index as u32);
        self.change_residual(number)?;
        let width = stride(self.config.hidden_size);
        self.tap(Tap::HiddenStates(number), &self.act.residual, width);
        self.tap(Tap::Lens(number), &self.act.residual, width);
        self.attention(layer, number)?;
        self.mlp(layer, number)
    }

    /// Records the final norm and the output head for the last token.
    fn head(&mut self, weights: &Weights) -> Result<(), ModelError> {
        let act = self.act;
        let (x, y) = (&act.residual, &act.last_normed);
        self.enter("head", None, "norm");
        self.ops()
            .norm(&weights.norm, x, y, &act.step, true, None)?;
        self.enter("head", None, "lm_head");
        let logits = (&act.logits, Dtype::F32);
        self.ops().matmul(weights.head(), None, y, logits, false)
    }

    /// Records the taps after the layers.
    fn tap_end(&mut self, weights: &Weights) -> Result<(), ModelError> {
        let act = self.act;
        let width = stride(self.config.hidden_size);
        self.tap(Tap::Logits, &act.residual, width);
        let tap = Tap::HiddenStates(self.config.num_hidden_layers());
        if self.wants(tap) {
            self.norm(&weights.norm, None)?;
            self.tap(tap, &act.normed, width);
        }
        Ok(())
    }

    fn extend(&mut self, dispatches: impl IntoIterator<Item = Dispatch>) {
        for dispatch in dispatches {
            self.recording.dispatch(dispatch);
        }
    }

    /// Records soft cap and scan of up to `rows` rows of logits. Returns the recording that chooses the best
    /// tokens and writes them to the history, and `top_k` with its result.
    fn choose(
        &mut self,
        weights: &Weights,
        logits: &Buffer,
        bests: &Bests,
        chosen: &Buffer,
        rows: u32,
    ) -> Result<(Recording, Recording, Buffer), ModelError> {
        let (gpu, config) = (self.gpu, self.config);
        let (n, stride) = (config.vocab_size, weights.head().rows);
        // Capacity for one row means the last row of any pass.
        let each = match rows {
            1 => Extent::Fixed(1),
            _ => Extent::Tokens { per: 1 },
        };
        self.enter("head", None, "soft_cap");
        if let Some(cap) = config.final_soft_cap {
            let soft_cap = SoftCap { n, stride, cap };
            let dispatch = soft_cap.dispatch(gpu, logits, each)?;
            self.recording.dispatch(dispatch);
        }
        let argmax = Argmax {
            n,
            stride,
            lanes: gpu.tier().row_invocations(),
        };
        self.enter("choice", None, "argmax");
        self.recording
            .dispatch(argmax.scan(gpu, logits, bests, each)?);
        let feedback = Some([&self.act.step, &self.cache.history]);
        let mut greedy = Recording::default();
        let choice = |name| Place {
            stage: "choice",
            layer: None,
            name,
        };
        greedy.enter(choice("argmax"));
        greedy.dispatch(argmax.choose(gpu, bests, chosen, feedback, each)?);
        let kernel = TopK {
            n,
            stride,
            k: TOP_K,
        };
        let (dispatch, candidates) = kernel.dispatch(gpu, logits, bests, each, rows)?;
        let mut top_k = Recording::default();
        top_k.enter(choice("top_k"));
        top_k.dispatch(dispatch);
        Ok((greedy, top_k, candidates))
    }

    fn embed(&mut self, weights: &Weights) -> Result<(), ModelError> {
        self.enter("embed", None, "embed");
        let (gpu, config, act) = (self.gpu, self.config, self.act);
        let rows = [&act.step, &self.cache.history];
        let x_stride = stride(config.hidden_size);
        let tokens = Table::Tokens {
            scale: config.embedding_scale,
        };
        for part in &weights.embed_tokens.parts {
            let dispatch =
                Embed::dispatch(gpu, part, tokens, rows, &act.residual, x_stride, act.dtype)?;
            self.recording.dispatch(dispatch);
        }
        self.tap(Tap::Embedding, &act.residual, x_stride);
        for part in weights
            .embed_positions
            .iter()
            .flat_map(|matrix| &matrix.parts)
        {
            let positions = Table::Positions;
            let dispatch = Embed::dispatch(
                gpu,
                part,
                positions,
                rows,
                &act.residual,
                x_stride,
                act.dtype,
            )?;
            self.recording.dispatch(dispatch);
        }
        Ok(())
    }

    fn ops(&mut self) -> Ops<'_> {
        Ops {
            gpu: self.gpu,
            config: self.config,
            tuning: self.tuning,
            act: self.act,
            rows: self.rows,
            recording: &mut self.recording,
        }
    }
}
