//! The buffers of a pass.

use vitrine_checkpoint::Config;
use vitrine_gpu::{Buffer, Gpu, GpuError, Store, StoreKind, Usage};
use vitrine_kernels::{Bests, Dtype, Format, XFormat, packed_bytes, stride};

use crate::weights::Weights;
use crate::{LoadOptions, MAX_PASS, ModelError};

/// The activations of a pass, with one row per token, and the state that a step passes to the next.
pub struct Activations {
    /// `Step`: the rows of the pass, and the page tables.
    pub step: Buffer,
    /// The choice of `argmax`.
    pub chosen: Buffer,
    /// The logits of the last token, (vocab_size), f32.
    pub logits: Buffer,
    /// Partial results of `argmax` over the logits.
    pub bests: Bests,
    /// Data type of the residual stream and of the buffers after it.
    pub dtype: Dtype,
    /// The residual stream, (tokens, hidden_size).
    pub residual: Buffer,
    pub normed: Buffer,
    pub qkv: Buffer,
    pub query: Buffer,
    pub attn_out: Buffer,
    pub gate_up: Buffer,
    pub mlp_act: Buffer,
    /// x in signed bytes, reused by each projection, if the load options ask for 8-bit activations.
    pub packed: Option<Buffer>,
    /// x as texels, reused by each projection, on adapters whose weights are textures.
    pub x_texels: Option<Store>,
    /// The output of attention or the MLP, if it is normalised before it is added.
    pub branch: Option<Buffer>,
    pub last_normed: Buffer,
}

impl Activations {
    /// Allocates the activations of passes of [`MAX_PASS`] tokens.
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

    /// The form of the x that is multiplied by weights of `format`.
    pub fn x_format(&self, format: Format) -> XFormat {
        match self.packed {
            Some(_) if format.has_bytes() => XFormat::Packed,
            _ => self.dtype.into(),
        }
    }

    /// Allocates `n` values for each token of a pass.
    pub fn rows(&self, gpu: &Gpu, label: &str, n: u32) -> Result<Buffer, GpuError> {
        rows(gpu, label, n, self.dtype)
    }
}

/// Allocates x in signed bytes, long enough for every matrix that takes it.
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
