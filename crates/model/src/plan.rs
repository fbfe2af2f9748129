//! From weights and configuration to recordings of kernels.

use vitrine_gpu::{Buffer, Gpu, Recording, Usage};
use vitrine_kernels::{
    Argmax, Attention, Embed, Matmul, PackedPart, RmsNorm, RopeKvAppend, Shape, SiluMul, TOP_K,
    Table, TopK, stride,
};

use crate::kv_cache::KvCache;
use crate::weights::{LayerWeights, Matrix, Weights};
use crate::{Config, ModelError};

/// The most tokens that one pass takes; longer prompts take several.
pub const MAX_PASS: u32 = 512;

/// The activations of a pass, and the state that steps hand on. One row per token.
pub struct Activations {
    /// Token ids of the pass; `argmax` feeds the chosen one back here.
    pub tokens: Buffer,
    /// `Step`: position and number of tokens.
    pub step: Buffer,
    /// What `argmax` chose.
    pub chosen: Buffer,
    /// (vocab_size) of the last token.
    pub logits: Buffer,
    residual: Buffer,
    normed: Buffer,
    qkv: Buffer,
    attn_out: Buffer,
    gate_up: Buffer,
    mlp_act: Buffer,
    last_normed: Buffer,
}

impl Activations {
    /// Room for passes of [`MAX_PASS`] tokens.
    pub fn new(gpu: &Gpu, config: &Config, weights: &Weights) -> Result<Self, ModelError> {
        let rows = |label: &str, n: u32| {
            gpu.buffer(
                label,
                u64::from(MAX_PASS) * u64::from(stride(n)) * 4,
                Usage::Work,
            )
        };
        let layer = weights.layers.first();
        let qkv_width = layer.map_or(0, |layer| layer.qkv_proj.rows);
        let gate_up_width = layer.map_or(0, |layer| layer.gate_up_proj.rows);
        Ok(Self {
            tokens: gpu.buffer("tokens", u64::from(MAX_PASS) * 4, Usage::Work)?,
            step: gpu.buffer("step", 8, Usage::Work)?,
            chosen: gpu.buffer("chosen", 16, Usage::Work)?,
            logits: gpu.buffer("logits", u64::from(weights.head().rows) * 4, Usage::Work)?,
            residual: rows("residual", config.hidden_size)?,
            normed: rows("normed", config.hidden_size)?,
            qkv: rows("qkv", qkv_width)?,
            attn_out: rows("attn_out", config.num_attention_heads * config.head_dim)?,
            gate_up: rows("gate_up", gate_up_width)?,
            mlp_act: rows("mlp_act", config.intermediate_size)?,
            last_normed: gpu.buffer(
                "last_normed",
                u64::from(stride(config.hidden_size)) * 4,
                Usage::Work,
            )?,
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
        head.norm(&act.residual, &weights.norm.buffer, &act.last_normed, true)?;
        head.matmul(weights.head(), &act.last_normed, &act.logits, false)?;
        let argmax = Argmax {
            n: config.vocab_size,
        };
        for dispatch in argmax.dispatches(gpu, &act.logits, &act.chosen, &act.tokens, &act.step)? {
            head.recording.dispatch(dispatch);
        }
        let (dispatches, candidates) = TopK {
            n: config.vocab_size,
        }
        .dispatches(gpu, &act.logits)?;
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
        let x_stride = stride(self.config.hidden_size);
        for part in &weights.embed_tokens.parts {
            let (tokens, x) = (&self.act.tokens, &self.act.residual);
            self.recording.dispatch(Embed::dispatch(
                self.gpu,
                part,
                Table::Tokens { scale: 1.0 },
                tokens,
                x,
                x_stride,
            )?);
        }
        for (index, layer) in weights.layers.iter().enumerate() {
            self.attention(layer, index)?;
            self.mlp(layer)?;
        }
        Ok(self.recording)
    }

    fn attention(&mut self, layer: &LayerWeights, index: usize) -> Result<(), ModelError> {
        let Self {
            gpu,
            config,
            act,
            cache,
            ..
        } = *self;
        self.norm(
            &act.residual,
            &layer.input_layernorm.buffer,
            &act.normed,
            false,
        )?;
        self.matmul(&layer.qkv_proj, &act.normed, &act.qkv, false)?;
        let (keys, values) = (&cache.keys[index], &cache.values[index]);
        let rope_kv_append = RopeKvAppend {
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            head_dim: config.head_dim,
            qkv_stride: layer.qkv_proj.rows,
            k_offset: layer.qkv_proj.starts[1],
            v_offset: layer.qkv_proj.starts[2],
        };
        let dispatch =
            rope_kv_append.dispatch(gpu, &act.qkv, &cache.rope, keys, values, &act.step)?;
        self.recording.dispatch(dispatch);
        let attention = Attention {
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            head_dim: config.head_dim,
            qkv_stride: layer.qkv_proj.rows,
            out_stride: stride(config.num_attention_heads * config.head_dim),
            scale: 1.0 / (config.head_dim as f32).sqrt(),
        };
        let dispatch = attention.dispatch(gpu, &act.qkv, keys, values, &act.attn_out, &act.step)?;
        self.recording.dispatch(dispatch);
        self.matmul(&layer.o_proj, &act.attn_out, &act.residual, true)
    }

    fn mlp(&mut self, layer: &LayerWeights) -> Result<(), ModelError> {
        let act = self.act;
        self.norm(
            &act.residual,
            &layer.post_attention_layernorm.buffer,
            &act.normed,
            false,
        )?;
        self.matmul(&layer.gate_up_proj, &act.normed, &act.gate_up, false)?;
        let silu_mul = SiluMul {
            n: self.config.intermediate_size,
            gate_up_stride: layer.gate_up_proj.rows,
            up_offset: layer.gate_up_proj.starts[1],
            y_stride: stride(self.config.intermediate_size),
        };
        self.recording
            .dispatch(silu_mul.dispatch(self.gpu, &act.gate_up, &act.mlp_act)?);
        self.matmul(&layer.down_proj, &act.mlp_act, &act.residual, true)
    }

    fn norm(
        &mut self,
        x: &Buffer,
        weight: &Buffer,
        y: &Buffer,
        last_row: bool,
    ) -> Result<(), ModelError> {
        let norm = RmsNorm {
            n: self.config.hidden_size,
            eps: self.config.rms_norm_eps,
            last_row,
        };
        self.recording
            .dispatch(norm.dispatch(self.gpu, x, weight, y, &self.act.step)?);
        Ok(())
    }

    /// y (+)= W x for all parts of W.
    fn matmul(
        &mut self,
        matrix: &Matrix,
        x: &Buffer,
        y: &Buffer,
        accumulate: bool,
    ) -> Result<(), ModelError> {
        for part in &matrix.parts {
            let PackedPart {
                format,
                k,
                row_start,
                rows,
                ..
            } = *part;
            let matmul = Matmul {
                format,
                rows,
                k,
                x_stride: stride(k),
                y_stride: matrix.rows,
                row_start,
                accumulate,
                bias: false,
                shape: Shape::choose(self.gpu, k, self.decode),
            };
            self.recording
                .dispatch(matmul.dispatch(self.gpu, part, x, y, None)?);
        }
        Ok(())
    }
}
