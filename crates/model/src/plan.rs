//! From weights and configuration to recordings of kernels.

mod batch;
mod changes;
mod layer;
mod one_token;
mod tapped;
mod watched;

use vitrine_gpu::{
    Buffer, Dispatch, Extent, Gpu, GpuError, Place, Recording, Store, StoreKind, Usage,
};
use vitrine_kernels::{
    Argmax, Bests, Dtype, Embed, Format, MAX_ROWS, SoftCap, TOP_K, Table, TopK, XFormat,
    packed_bytes, stride,
};

use crate::kv_cache::KvCache;
use crate::ops::Ops;
use crate::weights::Weights;
use crate::{Config, LoadOptions, ModelError, Tap, Tuning};
pub use batch::BatchPlan;
pub use changes::Changes;
pub use one_token::OneToken;
pub use tapped::{Read, Segment, Tapping};
pub use watched::{NEURONS, Watch};

/// The most tokens that one pass takes; longer prompts take several.
pub const MAX_PASS: u32 = MAX_ROWS;

/// The activations of a pass, and the state that steps hand on. One row per token.
pub struct Activations {
    /// `Step`: the rows of the pass, and the page tables.
    pub step: Buffer,
    /// What `argmax` chose.
    pub chosen: Buffer,
    /// (vocab_size) of the last token, f32.
    pub logits: Buffer,
    /// What a first look at the logits found.
    pub bests: Bests,
    /// Number format of the others.
    pub dtype: Dtype,
    /// (tokens, hidden_size): the residual stream.
    pub residual: Buffer,
    normed: Buffer,
    qkv: Buffer,
    query: Buffer,
    attn_out: Buffer,
    gate_up: Buffer,
    mlp_act: Buffer,
    /// The x of one projection after the other in signed bytes, where the load options want that.
    pub packed: Option<Buffer>,
    /// The same as texels, where weights are.
    pub x_texels: Option<Store>,
    /// What attention or the MLP adds, where it is normalised first.
    branch: Option<Buffer>,
    last_normed: Buffer,
}

impl Activations {
    /// Room for passes of [`MAX_PASS`] tokens.
    pub fn new(
        gpu: &Gpu,
        config: &Config,
        weights: &Weights,
        options: &LoadOptions,
        step: Buffer,
    ) -> Result<Self, ModelError> {
        let dtype = options.dtype;
        let packed = match options.pack_activations {
            true => Some(packed_rows(gpu, weights)?),
            false => None,
        };
        let rows = |label: &str, n: u32| rows(gpu, label, n, dtype);
        let layer = weights.layers.first();
        let qkv_width = layer.map_or(0, |layer| layer.qkv_proj.matrix.rows);
        let gate_up_width = layer.map_or(0, |layer| layer.gate_up_proj.matrix.rows);
        let hidden = config.hidden_size;
        let last_bytes = u64::from(stride(hidden)) * dtype.bytes();
        Ok(Self {
            dtype,
            step,
            chosen: gpu.buffer("chosen", 16, Usage::Work)?,
            logits: gpu.buffer("logits", u64::from(weights.head().rows) * 4, Usage::Work)?,
            bests: Bests::new(gpu, config.vocab_size, 1)?,
            residual: rows("residual", hidden)?,
            normed: rows("normed", hidden)?,
            qkv: rows("qkv", qkv_width)?,
            query: rows("query", config.num_attention_heads * config.head_dim)?,
            attn_out: rows("attn_out", config.num_attention_heads * config.head_dim)?,
            gate_up: rows("gate_up", gate_up_width)?,
            mlp_act: rows("mlp_act", config.intermediate_size)?,
            packed,
            x_texels: match gpu.tier().weight_store() {
                StoreKind::Buffer => None,
                kind => {
                    let widths = [
                        hidden,
                        config.num_attention_heads * config.head_dim,
                        config.intermediate_size,
                    ];
                    let row = widths.into_iter().max().map_or(0, stride);
                    let bytes = u64::from(MAX_PASS) * u64::from(row) * dtype.bytes();
                    Some(gpu.store("x_texels", bytes, kind, Usage::Input)?)
                }
            },
            branch: match config.post_norms {
                true => Some(rows("branch", hidden)?),
                false => None,
            },
            last_normed: gpu.buffer("last_normed", last_bytes, Usage::Work)?,
        })
    }

    /// How the x of a matrix comes that is stored in `format`.
    pub fn x_format(&self, format: Format) -> XFormat {
        match self.packed {
            Some(_) if format.has_bytes() => XFormat::Packed,
            _ => self.dtype.into(),
        }
    }

    /// Room for `n` values of each token of a pass, in the number format of the others.
    fn rows(&self, gpu: &Gpu, label: &str, n: u32) -> Result<Buffer, GpuError> {
        rows(gpu, label, n, self.dtype)
    }
}

/// Room for the x of any matrix that can be multiplied by bytes.
fn packed_rows(gpu: &Gpu, weights: &Weights) -> Result<Buffer, ModelError> {
    let projections = weights.layers.iter().flat_map(|layer| {
        [
            &layer.qkv_proj.matrix,
            &layer.o_proj.matrix,
            &layer.gate_up_proj.matrix,
            &layer.down_proj.matrix,
        ]
    });
    let parts = projections
        .chain([weights.head()])
        .flat_map(|matrix| &matrix.parts);
    let longest = parts
        .filter(|part| part.format.has_bytes())
        .map(|part| packed_bytes(part.k))
        .max()
        .ok_or(ModelError::NothingToPack)?;
    Ok(gpu.buffer("packed", u64::from(MAX_PASS) * longest, Usage::Work)?)
}

fn rows(gpu: &Gpu, label: &str, n: u32, dtype: Dtype) -> Result<Buffer, GpuError> {
    let bytes = u64::from(MAX_PASS) * u64::from(stride(n)) * dtype.bytes();
    gpu.buffer(label, bytes, Usage::Work)
}

/// Recordings that turn token ids into a chosen token.
pub struct Plan {
    /// Embedding and layers for a pass of many tokens.
    pub prefill: Recording,
    /// Embedding and layers for one token.
    pub decode: OneToken,
    /// Final norm, output head and a first look at the logits, for the last token of either.
    pub head: Recording,
    /// The best token, which is fed back.
    pub greedy: Recording,
    /// The [`TOP_K`] best logits.
    pub top_k: Recording,
    /// Where `top_k` leaves them: pairs of logit bits and id.
    pub candidates: Buffer,
}

/// Bytes of the result of `top_k` for a row.
pub const CANDIDATE_BYTES: u64 = TOP_K as u64 * 8;

/// The first `top` of what `top_k` wrote for a row.
pub fn candidates(bytes: &[u8], top: usize) -> Vec<(u32, f32)> {
    let pairs: Vec<[u32; 2]> = bytemuck::pod_collect_to_vec(bytes);
    pairs
        .into_iter()
        .filter(|[_, id]| *id != u32::MAX)
        .take(top)
        .map(|[logit, id]| (id, f32::from_bits(logit)))
        .collect()
}

/// What plans are made of.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// The model's hyperparameters.
    pub config: &'a Config,
    /// Its weights.
    pub weights: &'a Weights,
    /// Where activations go.
    pub act: &'a Activations,
    /// Where keys and values go.
    pub cache: &'a KvCache,
    /// What is to be other than the model's own.
    pub changes: &'a Changes,
    /// How matrices are best multiplied here.
    pub tuning: &'a Tuning,
}

/// What the builder needs at every step.
struct Builder<'a> {
    gpu: &'a Gpu,
    config: &'a Config,
    act: &'a Activations,
    cache: &'a KvCache,
    tuning: &'a Tuning,
    /// The most rows of a pass.
    rows: u32,
    /// Whether the rows are one sequence's.
    prefill: bool,
    /// Whether a token sees one stretch of keys at most.
    short: bool,
    /// What attention leaves to be put together, by one layer after the other.
    partials: Option<Buffer>,
    changes: &'a Changes,
    tapping: Option<&'a Tapping>,
    watch: Option<&'a Watch>,
    recording: Recording,
    /// What was recorded before the last cut.
    segments: Vec<Segment>,
}

impl<'a> Builder<'a> {
    fn new(basis: Basis<'a>, rows: u32) -> Self {
        let Basis {
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
    /// Compiles the kernels and binds the buffers. To be done anew when the cache has grown.
    pub fn new(basis: Basis<'_>) -> Result<Self, ModelError> {
        let Basis { weights, act, .. } = basis;
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
            decode: OneToken::new(basis, || builder(1))?,
            head: head.recording,
            greedy,
            top_k,
            candidates,
        })
    }

    /// Some of the layers, and the output head where there is one token: to be timed.
    pub fn excerpt(basis: Basis<'_>, layers: &[usize], rows: u32) -> Result<Recording, ModelError> {
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

    /// The embedding and the layers for a pass of many tokens, cut where `tapping` looks. The
    /// last segment ends with the pass.
    pub fn tapped(basis: Basis<'_>, tapping: &Tapping) -> Result<Vec<Segment>, ModelError> {
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
    /// What is recorded from now on is for this.
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

    /// The final norm and the output head for the last token.
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

    /// What is after the layers, for all tokens, where somebody looks at it.
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

    /// Caps and scans logits of up to `rows` rows. What takes the best, which are fed back; and what
    /// lists them.
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
        // One row is the last of any pass.
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
