//! From weights and configuration to recordings of kernels.

use vitrine_gpu::{Buffer, Extent, Gpu, Recording, Usage};
use vitrine_kernels::{
    Argmax, Attention, Dtype, Embed, MAX_ROWS, MlpAct, QkNorm, RmsNorm, RopeKvAppend, SoftCap,
    TOP_K, Table, TopK, stride,
};

use crate::config::LayerConfig;
use crate::kv_cache::KvCache;
use crate::ops::Ops;
use crate::weights::{LayerWeights, Linear, NormWeights, Weights};
use crate::{Config, ModelError};

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
        dtype: Dtype,
        step: Buffer,
    ) -> Result<Self, ModelError> {
        let rows = |label: &str, n: u32| {
            gpu.buffer(
                label,
                u64::from(MAX_PASS) * u64::from(stride(n)) * dtype.bytes(),
                Usage::Work,
            )
        };
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
            residual: rows("residual", hidden)?,
            normed: rows("normed", hidden)?,
            qkv: rows("qkv", qkv_width)?,
            query: rows("query", config.num_attention_heads * config.head_dim)?,
            attn_out: rows("attn_out", config.num_attention_heads * config.head_dim)?,
            gate_up: rows("gate_up", gate_up_width)?,
            mlp_act: rows("mlp_act", config.intermediate_size)?,
            branch: match config.post_norms {
                true => Some(rows("branch", hidden)?),
                false => None,
            },
            last_normed: gpu.buffer("last_normed", last_bytes, Usage::Work)?,
        })
    }
}

/// Recordings that turn token ids into a chosen token.
pub struct Plan {
    /// Embedding and layers for a pass of many tokens.
    pub prefill: Recording,
    /// Embedding and layers for one token.
    pub decode: Recording,
    /// Final norm, output head and argmax, for the last token of either.
    pub head: Recording,
    /// The [`TOP_K`] best logits.
    pub top_k: Recording,
    /// Where `top_k` leaves them: pairs of logit bits and id.
    pub candidates: Buffer,
}

/// Bytes of the result of `top_k`.
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

/// What the builder needs at every step.
struct Builder<'a> {
    gpu: &'a Gpu,
    config: &'a Config,
    act: &'a Activations,
    cache: &'a KvCache,
    decode: bool,
    recording: Recording,
}

impl Plan {
    /// Compiles the kernels and binds the buffers. To be done anew when the cache has grown.
    pub fn new(
        gpu: &Gpu,
        config: &Config,
        weights: &Weights,
        act: &Activations,
        cache: &KvCache,
    ) -> Result<Self, ModelError> {
        let builder = |decode: bool| Builder {
            gpu,
            config,
            act,
            cache,
            decode,
            recording: Recording::default(),
        };
        let mut head = builder(true);
        head.norm(&weights.norm, &act.residual, &act.last_normed, true)?;
        let logits = (&act.logits, Dtype::F32);
        head.ops()
            .matmul(weights.head(), None, &act.last_normed, logits, false)?;
        let (n, stride) = (config.vocab_size, weights.head().rows);
        let one = Extent::Fixed(1);
        if let Some(cap) = config.final_soft_cap {
            let soft_cap = SoftCap { n, stride, cap };
            let dispatch = soft_cap.dispatch(gpu, &act.logits, one)?;
            head.recording.dispatch(dispatch);
        }
        let argmax = Argmax {
            n,
            stride,
            feedback: true,
        };
        let feedback = Some([&act.step, &cache.history]);
        for dispatch in argmax.dispatches(gpu, &act.logits, &act.chosen, feedback, one, 1)? {
            head.recording.dispatch(dispatch);
        }
        let kernel = TopK { n, stride };
        let (dispatches, candidates) = kernel.dispatches(gpu, &act.logits, one, 1)?;
        let mut top_k = Recording::default();
        for dispatch in dispatches {
            top_k.dispatch(dispatch);
        }
        Ok(Self {
            prefill: builder(false).body(weights)?,
            decode: builder(true).body(weights)?,
            head: head.recording,
            top_k,
            candidates,
        })
    }
}

impl Builder<'_> {
    fn body(mut self, weights: &Weights) -> Result<Recording, ModelError> {
        self.embed(weights)?;
        for (index, layer) in weights.layers.iter().enumerate() {
            self.attention(layer, index)?;
            self.mlp(layer)?;
        }
        Ok(self.recording)
    }

    fn embed(&mut self, weights: &Weights) -> Result<(), ModelError> {
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

    fn attention(&mut self, layer: &LayerWeights, index: usize) -> Result<(), ModelError> {
        let (gpu, config, act, cache) = (self.gpu, self.config, self.act, self.cache);
        let LayerConfig {
            sliding_window,
            rope,
        } = config.layers[index];
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let qkv_stride = layer.qkv_proj.matrix.rows;
        let k_offset = layer.qkv_proj.matrix.starts[1];
        let v_offset = layer.qkv_proj.matrix.starts[2];
        let layout = KvCache::layout(config, rope);
        let dtype = act.dtype;
        let caches = [&cache.keys[index], &cache.values[index]];

        self.norm(&layer.input_norm, &act.residual, &act.normed, false)?;
        self.linear(&layer.qkv_proj, &act.normed, &act.qkv, false)?;
        if let Some([q_norm, k_norm]) = &layer.qk_norm {
            let qk_norm = QkNorm {
                heads,
                kv_heads,
                head_dim: config.head_dim,
                qkv_stride,
                k_offset,
                eps: config.norm_eps,
                dtype,
            };
            let weights = [&q_norm.buffer, &k_norm.buffer];
            self.recording
                .dispatch(qk_norm.dispatch(gpu, &act.qkv, weights)?);
        }
        let append = RopeKvAppend {
            heads,
            kv_heads,
            qkv_stride,
            k_offset,
            v_offset,
            cache: layout,
            dtype,
        };
        let table = cache.ropes.get(rope);
        self.recording
            .dispatch(append.dispatch(gpu, &act.qkv, table, &act.query, caches, &act.step)?);
        let attention = Attention {
            heads,
            kv_heads,
            out_stride: stride(heads * config.head_dim),
            scale: config.attention_scale_of(index),
            sliding_window,
            cache: layout,
            dtype,
        };
        let dispatch = attention.dispatch(gpu, &act.query, caches, &act.attn_out, &act.step)?;
        self.recording.dispatch(dispatch);
        self.add(&layer.o_proj, &act.attn_out, layer.attn_out_norm.as_ref())
    }

    fn mlp(&mut self, layer: &LayerWeights) -> Result<(), ModelError> {
        let (config, act) = (self.config, self.act);
        self.norm(&layer.mlp_norm, &act.residual, &act.normed, false)?;
        self.linear(&layer.gate_up_proj, &act.normed, &act.gate_up, false)?;
        let mlp_act = MlpAct {
            act: config.hidden_act,
            n: config.intermediate_size,
            x_stride: layer.gate_up_proj.matrix.rows,
            up_offset: layer.gate_up_proj.matrix.starts.get(1).copied(),
            y_stride: stride(config.intermediate_size),
            dtype: act.dtype,
        };
        self.recording
            .dispatch(mlp_act.dispatch(self.gpu, &act.gate_up, &act.mlp_act)?);
        self.add(&layer.down_proj, &act.mlp_act, layer.mlp_out_norm.as_ref())
    }

    /// residual += W x + b, or where there is a norm residual += norm(W x + b).
    fn add(
        &mut self,
        linear: &Linear,
        x: &Buffer,
        norm: Option<&NormWeights>,
    ) -> Result<(), ModelError> {
        let act = self.act;
        match (norm, &act.branch) {
            (Some(norm), Some(branch)) => {
                self.linear(linear, x, branch, false)?;
                let add = RmsNorm {
                    n: self.config.hidden_size,
                    eps: self.config.norm_eps,
                    last_row: false,
                    dtype: act.dtype,
                    add: true,
                };
                let weight = &norm.weight.buffer;
                let dispatch = add.dispatch(self.gpu, branch, weight, &act.residual, &act.step)?;
                self.recording.dispatch(dispatch);
                Ok(())
            }
            _ => self.linear(linear, x, &act.residual, true),
        }
    }

    fn norm(
        &mut self,
        weights: &NormWeights,
        x: &Buffer,
        y: &Buffer,
        last_row: bool,
    ) -> Result<(), ModelError> {
        let step = &self.act.step;
        self.ops().norm(weights, x, y, step, last_row)
    }

    /// y (+)= W x + b.
    fn linear(
        &mut self,
        linear: &Linear,
        x: &Buffer,
        y: &Buffer,
        accumulate: bool,
    ) -> Result<(), ModelError> {
        let y = (y, self.act.dtype);
        let bias = linear.bias_buffer();
        self.ops().matmul(&linear.matrix, bias, x, y, accumulate)
    }

    fn ops(&mut self) -> Ops<'_> {
        Ops {
            gpu: self.gpu,
            config: self.config,
            dtype: self.act.dtype,
            decode: self.decode,
            recording: &mut self.recording,
        }
    }
}
