//! The two halves of a layer: attention and the MLP.

use vitrine_checkpoint::config::LayerConfig;
use vitrine_gpu::Buffer;
use vitrine_kernels::{
    AppendBuffers, Attention, AttentionShape, Dtype, Epilogue, MlpAct, QkNorm, Queries, Results,
    RmsNorm, RopeKvAppend, Tiling, XFormat, stride,
};

use super::Builder;
use crate::activations::Activations;
use crate::ops::{FusedNorm, Projection};
use crate::weights::{LayerWeights, Linear, NormWeights};
use crate::{ModelError, Tap};

impl Builder<'_> {
    pub(super) fn attention(
        &mut self,
        layer: &LayerWeights,
        number: u32,
    ) -> Result<(), ModelError> {
        let index = number as usize;
        let (gpu, config, act, cache) = (self.gpu, self.config, self.act, self.cache);
        let LayerConfig {
            sliding_window,
            rope,
        } = config.layers[index];
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let qkv_stride = layer.qkv_proj.matrix.rows;
        let k_offset = layer.qkv_proj.matrix.starts[1];
        let v_offset = layer.qkv_proj.matrix.starts[2];
        let layout = cache.layout(gpu, config, rope);
        let dtype = act.dtype;
        let caches = [&cache.keys[index], &cache.values[index]];

        let stage = "attention";
        let new_kv = self.new_kv(number);
        let append = RopeKvAppend {
            heads,
            kv_heads,
            qkv_stride,
            k_offset,
            v_offset,
            cache: layout,
            dtype,
            keep: new_kv.is_some(),
        };
        let to = AppendBuffers {
            rope: cache.ropes.get(rope),
            query: &act.query,
            caches,
            step: &act.step,
            kept: new_kv.as_ref(),
        };
        let kept = self.kept_residual(number, 0);
        self.enter(stage, Some(number), "input_norm");
        let (x, norm) = self.normed(&layer.input_norm, kept.as_ref(), &layer.qkv_proj)?;
        let projection = Projection {
            norm,
            ..self.projection(&layer.qkv_proj, x, &act.qkv)
        };
        let at_once = Projection {
            epilogue: Epilogue::Append(append),
            to: Results::Cache(to),
            ..projection
        };
        self.enter(stage, Some(number), "qkv_proj");
        let fuses = self.fuses() && layer.qk_norm.is_none() && layout.by_pair();
        if fuses && self.ops().fits_one_kernel(&at_once) {
            self.ops().project(&at_once)?;
        } else {
            self.ops().project(&projection)?;
            self.append(layer, number, append, to)?;
        }
        let q_width = heads * config.head_dim;
        self.tap(Tap::Q(number), &act.query, q_width);
        self.tap_kv(number);
        self.enter(stage, Some(number), "attention");
        let attention = Attention {
            heads,
            kv_heads,
            out_stride: stride(heads * config.head_dim),
            scale: config.attention_scale_of(index),
            sliding_window,
            cache: layout,
            dtype,
            stats: self.head_stats(number).is_some(),
            shape: AttentionShape::choose(gpu, layout, kv_heads, self.queries()),
        };
        let stats = self.head_stats(number);
        let (query, out, stats) = (&act.query, &act.attn_out, stats.as_ref());
        if self.partials.is_none() {
            self.partials = attention.partials(gpu, self.rows)?;
        }
        let partials = self.partials.as_ref();
        let dispatches =
            attention.dispatches(gpu, query, caches, out, &act.step, stats, partials)?;
        self.extend(dispatches);
        self.tap_attentions(number, attention, caches[0])?;
        self.change_heads(number)?;
        self.tap(Tap::HeadOut(number), &act.attn_out, stride(q_width));

        let tap = Tap::AttnOut(number);
        self.enter(stage, Some(number), "o_proj");
        self.part(&layer.o_proj, &act.attn_out, tap)?;
        let norm = layer.attn_out_norm.as_ref();
        self.add(&layer.o_proj, &act.attn_out, norm, tap)
    }

    /// Records the kernels between the projection of queries, keys and values and attention, where they are not
    /// fused into the projection.
    fn append(
        &mut self,
        layer: &LayerWeights,
        number: u32,
        append: RopeKvAppend,
        to: AppendBuffers<'_>,
    ) -> Result<(), ModelError> {
        let (gpu, act, stage) = (self.gpu, self.act, "attention");
        if let Some([q_norm, k_norm]) = &layer.qk_norm {
            self.enter(stage, Some(number), "qk_norm");
            let qk_norm = QkNorm {
                heads: append.heads,
                kv_heads: append.kv_heads,
                head_dim: self.config.head_dim,
                qkv_stride: append.qkv_stride,
                k_offset: append.k_offset,
                eps: self.config.norm_eps,
                dtype: act.dtype,
            };
            let weights = [&q_norm.buffer, &k_norm.buffer];
            self.recording
                .dispatch(qk_norm.dispatch(gpu, &act.qkv, weights)?);
        }
        self.tap(Tap::QProj(number), &act.qkv, append.qkv_stride);
        self.tap(Tap::KProj(number), &act.qkv, append.qkv_stride);
        self.enter(stage, Some(number), "rope_kv_append");
        let dispatch = append.dispatch(gpu, &act.qkv, to)?;
        self.recording.dispatch(dispatch);
        Ok(())
    }

    pub(super) fn mlp(&mut self, layer: &LayerWeights, number: u32) -> Result<(), ModelError> {
        let (config, act) = (self.config, self.act);
        let stage = "mlp";
        let kept = self.kept_residual(number, 1);
        self.enter(stage, Some(number), "mlp_norm");
        let (x, norm) = self.normed(&layer.mlp_norm, kept.as_ref(), &layer.gate_up_proj)?;
        let neurons = &self.mlp_act(number);
        let mlp_stride = stride(config.intermediate_size);
        let projection = Projection {
            norm,
            ..self.projection(&layer.gate_up_proj, x, &act.gate_up)
        };
        let up_offset = layer.gate_up_proj.matrix.starts.get(1).copied();
        let at_once = up_offset.map(|up_offset| Projection {
            epilogue: Epilogue::Gate {
                act: config.hidden_act,
                up_offset,
            },
            to: Results::Y(neurons),
            y_stride: mlp_stride,
            ..projection
        });
        self.enter(stage, Some(number), "gate_up_proj");
        match at_once.filter(|at_once| self.ops().fits_one_kernel(at_once)) {
            Some(at_once) => self.ops().project(&at_once)?,
            None => {
                self.ops().project(&projection)?;
                self.enter(stage, Some(number), "mlp_act");
                let mlp_act = MlpAct {
                    act: config.hidden_act,
                    n: config.intermediate_size,
                    x_stride: layer.gate_up_proj.matrix.rows,
                    up_offset,
                    y_stride: mlp_stride,
                    dtype: act.dtype,
                };
                self.recording
                    .dispatch(mlp_act.dispatch(self.gpu, &act.gate_up, neurons)?);
            }
        }
        self.tap(Tap::MlpAct(number), neurons, mlp_stride);

        let tap = Tap::MlpOut(number);
        self.enter(stage, Some(number), "down_proj");
        self.part(&layer.down_proj, neurons, tap)?;
        let norm = layer.mlp_out_norm.as_ref();
        self.add(&layer.down_proj, neurons, norm, tap)?;
        if let Some(part) = self.mlp_part(number).cloned() {
            self.linear(&layer.down_proj, neurons, &part, false)?;
            self.replace_mlp_out(number, &part)?;
        }
        Ok(())
    }

    /// Records a separate computation of W x + b if it is tapped.
    fn part(&mut self, linear: &Linear, x: &Buffer, tap: Tap) -> Result<(), ModelError> {
        if let Some(part) = self.tapped_part(tap).cloned() {
            self.linear(linear, x, &part, false)?;
            self.tap(tap, &part, linear.matrix.rows);
        }
        Ok(())
    }

    /// Records residual += W x + b, or residual += norm(W x + b) with a norm. A skipped module adds nothing.
    fn add(
        &mut self,
        linear: &Linear,
        x: &Buffer,
        norm: Option<&NormWeights>,
        tap: Tap,
    ) -> Result<(), ModelError> {
        let act = self.act;
        let skipped = self.skips(tap);
        match (norm, &act.branch) {
            (Some(_), Some(_)) if skipped && !self.wants(tap) => Ok(()),
            (Some(norm), Some(branch)) => {
                self.linear(linear, x, branch, false)?;
                if let Tap::MlpOut(layer) = tap {
                    self.change_mlp_out(layer, branch)?;
                }
                self.tap(tap, branch, stride(self.config.hidden_size));
                if skipped {
                    return Ok(());
                }
                let add = RmsNorm {
                    n: self.config.hidden_size,
                    eps: self.config.norm_eps,
                    last_row: false,
                    dtype: act.dtype,
                    add: true,
                    keep: false,
                };
                let weight = &norm.weight.buffer;
                let (residual, step) = (&act.residual, &act.step);
                let dispatch = add.dispatch(self.gpu, branch, weight, residual, step, None)?;
                self.recording.dispatch(dispatch);
                Ok(())
            }
            _ if skipped => Ok(()),
            _ => self.linear(linear, x, &act.residual, true),
        }
    }

    fn queries(&self) -> Queries {
        match (self.prefill, self.short) {
            (true, _) => Queries::Prompt,
            (false, true) => Queries::Short,
            (false, false) => Queries::Any,
        }
    }

    /// Whether projections may fuse the norm before them and the append to the KV cache, so that a step has fewer
    /// kernels. Prompts are not fused: each invocation would repeat the norm for each of its tokens, and a prompt
    /// with taps, which reads queries and keys before RoPE, must be bit-identical to one without.
    fn fuses(&self) -> bool {
        !self.prefill && self.tapping.is_none()
    }

    /// Returns the x of a projection after a norm, and the norm if the projection applies it; otherwise records the
    /// norm. A copy of the residual stream is written to `kept`.
    fn normed<'n>(
        &mut self,
        weights: &'n NormWeights,
        kept: Option<&'n Buffer>,
        projection: &Linear,
    ) -> Result<(&'n Buffer, Option<FusedNorm<'n>>), ModelError>
    where
        Self: 'n,
    {
        let act = self.act;
        // Fused norms read their factors from a uniform.
        let bytes = u64::from(stride(self.config.hidden_size)) * Dtype::F32.bytes();
        let fits = bytes <= self.gpu.caps().max_uniform_binding;
        // The kernel that packs x also applies the norm, in any pass.
        let mut parts = projection.matrix.parts.iter();
        let packs = parts.all(|part| act.x_format(part.format) == XFormat::Packed);
        let fuses = self.fuses() && Tiling::fuses_norm(self.gpu, self.rows);
        if weights.bias.is_none() && (packs || fuses && fits) {
            return Ok((&act.residual, Some((weights, kept))));
        }
        self.norm(weights, kept.cloned())?;
        Ok((&act.normed, None))
    }

    /// The projection y = W x + b, without fused norm or epilogue.
    fn projection<'l>(&self, linear: &'l Linear, x: &'l Buffer, y: &'l Buffer) -> Projection<'l> {
        Projection {
            matrix: &linear.matrix,
            bias: linear.bias_buffer(),
            x,
            norm: None,
            epilogue: Epilogue::Store,
            to: Results::Y(y),
            y_dtype: self.act.dtype,
            y_stride: linear.matrix.rows,
        }
    }

    /// Records normed = norm(residual). A copy of the residual stream is written to `kept`.
    pub(super) fn norm(
        &mut self,
        weights: &NormWeights,
        kept: Option<Buffer>,
    ) -> Result<(), ModelError> {
        let Activations {
            residual,
            normed,
            step,
            ..
        } = self.act;
        self.ops()
            .norm(weights, residual, normed, step, false, kept.as_ref())
    }

    /// Records y = W x + b, or y += W x + b.
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
}
