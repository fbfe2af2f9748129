//! A plan split at every requested tap; after each segment the tapped tensors are read back.

use vitrine_checkpoint::Config;
use vitrine_gpu::{Buffer, Gpu, Recording, Store, Usage};
use vitrine_kernels::{Attention, AttentionProbs, HeadStats};

use super::Builder;
use crate::activations::Activations;
use crate::{ModelError, Tap};

/// The requested taps, and their buffers.
pub struct TapBuffers {
    taps: Vec<Tap>,
    /// [`HeadStats`] of each token and head.
    stats: Option<Buffer>,
    /// (tokens, heads, positions), f32.
    probs: Option<Buffer>,
    /// Length of the rows of `probs`.
    positions: u32,
    /// `positions` for the kernel, one u32.
    width: Buffer,
    /// New keys and values, (tokens, 2 · kv_heads, head_dim), in rotary pairs.
    new_kv: Option<Buffer>,
    /// The output of a module, (tokens, hidden_size).
    part: Option<Buffer>,
}

/// A segment of a pass, and the tensors to read after it.
pub struct Segment {
    /// The commands.
    pub recording: Recording,
    /// The tensors to read.
    pub reads: Vec<Read>,
}

/// A tensor to read after a segment.
pub struct Read {
    /// The tap.
    pub tap: Tap,
    /// The tensor's buffer; for logits and the lens, the rows of the residual stream to read out.
    pub buffer: Buffer,
    /// Bytes per token.
    pub row_bytes: u64,
}

impl TapBuffers {
    /// Allocates the buffers of `taps` for passes of `rows` tokens in a sequence of `positions`.
    pub fn new(
        gpu: &Gpu,
        config: &Config,
        act: &Activations,
        taps: &[Tap],
        rows: u32,
        positions: u32,
    ) -> Result<Self, ModelError> {
        let heads = u64::from(config.num_attention_heads);
        let rows = u64::from(rows);
        let any = |wanted: fn(&Tap) -> bool| taps.iter().any(wanted);
        let room = |wanted: bool, label: &str, bytes: u64| match wanted {
            true => gpu.buffer(label, bytes, Usage::Work).map(Some),
            false => Ok(None),
        };
        let attentions = any(|tap| matches!(tap, Tap::Attentions(_)));
        let kv = any(|tap| matches!(tap, Tap::K(_) | Tap::V(_)));
        let part = any(|tap| matches!(tap, Tap::AttnOut(_) | Tap::MlpOut(_)));
        let kv_width = u64::from(2 * config.num_key_value_heads * config.head_dim);
        let stats_bytes = rows * heads * size_of::<HeadStats>() as u64;
        let width = gpu.buffer("width", 4, Usage::Input)?;
        gpu.write(&width, 0, &positions.to_le_bytes());
        Ok(Self {
            taps: taps.to_vec(),
            stats: room(attentions, "head stats", stats_bytes)?,
            probs: room(attentions, "probs", rows * heads * u64::from(positions) * 4)?,
            positions,
            width,
            new_kv: room(kv, "new_kv", rows * kv_width * act.dtype.bytes())?,
            part: match part && !config.post_norms {
                true => Some(act.rows(gpu, "part", config.hidden_size)?),
                false => None,
            },
        })
    }

    fn wants(&self, tap: Tap) -> bool {
        self.taps.contains(&tap)
    }
}

impl Builder<'_> {
    pub(super) fn wants(&self, tap: Tap) -> bool {
        self.tapping.is_some_and(|tapping| tapping.wants(tap))
    }

    /// Ends a segment here if this tap is requested; it reads `buffer`, in rows of `stride` values.
    pub(super) fn tap(&mut self, tap: Tap, buffer: &Buffer, stride: u32) {
        if self.wants(tap) {
            let row_bytes = u64::from(stride) * self.act.dtype.bytes();
            self.cut(tap, buffer, row_bytes);
        }
    }

    fn cut(&mut self, tap: Tap, buffer: &Buffer, row_bytes: u64) {
        let read = Read {
            tap,
            buffer: buffer.clone(),
            row_bytes,
        };
        match self.segments.last_mut() {
            Some(last) if self.recording.is_empty() => last.reads.push(read),
            _ => self.segments.push(Segment {
                recording: std::mem::take(&mut self.recording),
                reads: vec![read],
            }),
        }
    }

    /// The buffer for a copy of the new keys and values, if they are inspected.
    pub(super) fn new_kv(&self, layer: u32) -> Option<Buffer> {
        if self.wants(Tap::K(layer)) || self.wants(Tap::V(layer)) {
            return self.tapping?.new_kv.clone();
        }
        self.inspected_kv(layer)
    }

    /// Taps the copy of the new keys and values.
    pub(super) fn tap_kv(&mut self, layer: u32) {
        let width = 2 * self.config.num_key_value_heads * self.config.head_dim;
        if let Some(new_kv) = self.new_kv(layer) {
            self.tap(Tap::K(layer), &new_kv, width);
            self.tap(Tap::V(layer), &new_kv, width);
        }
    }

    /// The buffer for the [`HeadStats`] of attention, if they are inspected.
    pub(super) fn head_stats(&self, layer: u32) -> Option<Buffer> {
        if self.wants(Tap::Attentions(layer)) {
            return self.tapping?.stats.clone();
        }
        self.inspected_heads(layer)
    }

    /// Recomputes the attention probabilities and taps them.
    pub(super) fn tap_attentions(
        &mut self,
        layer: u32,
        of: Attention,
        k_cache: &Store,
    ) -> Result<(), ModelError> {
        let Some(TapBuffers {
            stats: Some(stats),
            probs: Some(probs),
            width,
            positions,
            ..
        }) = self
            .tapping
            .filter(|tapping| tapping.wants(Tap::Attentions(layer)))
        else {
            return Ok(());
        };
        let (query, step) = (&self.act.query, &self.act.step);
        let kernel = AttentionProbs { of };
        let dispatch = kernel.dispatch(self.gpu, [query, stats], k_cache, probs, step, width)?;
        self.recording.dispatch(dispatch);
        let row_bytes = u64::from(of.heads) * u64::from(*positions) * 4;
        self.cut(Tap::Attentions(layer), probs, row_bytes);
        Ok(())
    }

    /// The buffer in which to compute the output of a module separately, if it is tapped and its projection
    /// adds to the residual stream directly.
    pub(super) fn tapped_part(&self, tap: Tap) -> Option<&Buffer> {
        let tapping = self.tapping?;
        tapping.part.as_ref().filter(|_| tapping.wants(tap))
    }
}
