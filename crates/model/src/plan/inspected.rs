//! The plan of an inspected token: it keeps activations of every layer, and summarises them after the head.
//!
//! Each layer writes to rows of its own instead of a shared buffer, and some kernels store a copy of what
//! they read, so inspection adds no command to a layer.

use vitrine_gpu::{BINDING_ALIGNMENT, Buffer, Gpu, Place, Recording, Usage};
use vitrine_kernels::{HeadStats, LogitStats, LogitStatsOf, RowNorms, Strongest, stride};
use vitrine_protocol::PacketParts;

use super::{Builder, DecodePlan, PlanInputs};
use crate::ModelError;

/// The number of strongest neurons reported for each layer.
pub const NEURONS: u32 = 8;

/// A buffer of rows at offsets that can be bound, such as one for each layer.
pub struct Kept {
    rows: Buffer,
    row_bytes: u64,
}

impl Kept {
    fn new(gpu: &Gpu, label: &str, rows: u32, row_bytes: u64) -> Result<Self, ModelError> {
        let row_bytes = row_bytes.next_multiple_of(BINDING_ALIGNMENT);
        let bytes = u64::from(rows) * row_bytes;
        Ok(Self {
            rows: gpu.buffer(label, bytes, Usage::Work)?,
            row_bytes,
        })
    }

    /// One of its rows.
    pub fn row(&self, row: u32) -> Buffer {
        self.rows
            .part(u64::from(row) * self.row_bytes, self.row_bytes)
    }
}

/// The plan of an inspected token, the activations that it keeps, and their summaries.
pub struct Watch {
    /// The residual stream before each half of a layer and after the last layer, 2 · layers + 1 rows.
    pub residual: Option<Kept>,
    mlp_act: Option<Kept>,
    new_kv: Option<Kept>,
    head_stats: Option<Kept>,
    /// Norms of the residual stream and of what was added to it, (2 · layers + 1, 2), f32.
    pub residual_norms: Buffer,
    /// Norms of new keys and values, (layers, 2 · kv_heads, 2), f32.
    pub kv_norms: Buffer,
    /// The strongest neurons, (layers, [`NEURONS`]) pairs.
    pub neurons: Buffer,
    /// One [`LogitStats`].
    pub logit_stats: Buffer,
    /// Embedding and layers for one token.
    pub body: DecodePlan,
    /// The summaries, which run after the head.
    pub sums: Recording,
}

impl Watch {
    /// Compiles the kernels of these parts and binds their buffers.
    pub fn new(basis: PlanInputs<'_>, parts: PacketParts) -> Result<Self, ModelError> {
        let PlanInputs {
            gpu, config, act, ..
        } = basis;
        let layers = config.num_hidden_layers();
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        let (dtype, head_dim) = (act.dtype, config.head_dim);
        let keep = |wanted: bool, label: &str, rows: u32, row_bytes: u64| match wanted {
            true => Kept::new(gpu, label, rows, row_bytes).map(Some),
            false => Ok(None),
        };
        let values = |n: u32| u64::from(n) * dtype.bytes();
        let result = |label: &str, bytes: u64| gpu.buffer(label, bytes, Usage::Work);
        let residual_wanted = parts.has(PacketParts::RESIDUAL) || parts.has(PacketParts::LENS);
        let residual_row = values(stride(config.hidden_size));
        let mlp_row = values(stride(config.intermediate_size));
        let kv_row = values(2 * kv_heads * head_dim);
        let stats_row = u64::from(heads) * size_of::<HeadStats>() as u64;
        let pairs = |rows: u32| u64::from(rows) * 8;
        let mut watch = Self {
            residual: keep(
                residual_wanted,
                "kept residual",
                2 * layers + 1,
                residual_row,
            )?,
            mlp_act: keep(
                parts.has(PacketParts::NEURONS),
                "kept mlp_act",
                layers,
                mlp_row,
            )?,
            new_kv: keep(parts.has(PacketParts::KV), "kept kv", layers, kv_row)?,
            head_stats: keep(
                parts.has(PacketParts::HEADS),
                "kept head stats",
                layers,
                stats_row,
            )?,
            residual_norms: result("residual norms", pairs(2 * layers + 1))?,
            kv_norms: result("kv norms", pairs(layers * 2 * kv_heads))?,
            neurons: result("neurons", pairs(layers * NEURONS))?,
            logit_stats: result("logit stats", size_of::<LogitStats>() as u64)?,
            body: DecodePlan::default(),
            sums: Recording::default(),
        };
        watch.body = DecodePlan::new(basis, || Builder {
            watch: Some(&watch),
            ..Builder::new(basis, 1)
        })?;

        let mut sums = Recording::default();
        sums.enter(Place {
            stage: "packet",
            layer: None,
            name: "packet",
        });
        if let Some(kept) = &watch.residual {
            sums.copy(&act.residual, 0, &kept.row(2 * layers), 0, residual_row);
            let kernel = RowNorms {
                n: config.hidden_size,
                per_block: 1,
                block_stride: (kept.row_bytes / dtype.bytes()) as u32,
                rows: 2 * layers + 1,
                lanes: gpu.tier().row_invocations(),
                differences: true,
                dtype,
            };
            sums.dispatch(kernel.dispatch(gpu, &kept.rows, &watch.residual_norms)?);
        }
        if let Some(kept) = &watch.new_kv {
            let kernel = RowNorms {
                n: head_dim,
                per_block: 2 * kv_heads,
                block_stride: (kept.row_bytes / dtype.bytes()) as u32,
                rows: layers * 2 * kv_heads,
                lanes: gpu.tier().row_invocations(),
                differences: false,
                dtype,
            };
            sums.dispatch(kernel.dispatch(gpu, &kept.rows, &watch.kv_norms)?);
        }
        if let Some(kept) = &watch.mlp_act {
            let kernel = Strongest {
                n: config.intermediate_size,
                row_stride: (kept.row_bytes / dtype.bytes()) as u32,
                rows: layers,
                k: NEURONS,
                lanes: gpu.tier().row_invocations(),
                dtype,
            };
            sums.dispatch(kernel.dispatch(gpu, &kept.rows, &watch.neurons)?);
        }
        if parts.has(PacketParts::LOGITS) {
            let kernel = LogitStatsOf {
                n: config.vocab_size,
                lanes: gpu.tier().row_invocations(),
            };
            let (logits, stats) = (&act.logits, &watch.logit_stats);
            for dispatch in kernel.dispatches(gpu, &act.chosen, logits, stats)? {
                sums.dispatch(dispatch);
            }
        }
        watch.sums = sums;
        Ok(watch)
    }

    /// The buffer of [`HeadStats`], and bytes from one layer to the next.
    pub fn head_stats(&self) -> Option<(&Buffer, u64)> {
        self.head_stats
            .as_ref()
            .map(|kept| (&kept.rows, kept.row_bytes))
    }
}

impl Builder<'_> {
    /// The row for the residual stream before half `half` of a layer, if it is kept.
    pub(super) fn kept_residual(&self, layer: u32, half: u32) -> Option<Buffer> {
        let kept = self.watch?.residual.as_ref()?;
        Some(kept.row(2 * layer + half))
    }

    /// The buffer for the neurons of a layer.
    pub(super) fn mlp_act(&self, layer: u32) -> Buffer {
        let kept = self.watch.and_then(|watch| watch.mlp_act.as_ref());
        kept.map_or_else(|| self.act.mlp_act.clone(), |kept| kept.row(layer))
    }

    /// The row for the new keys and values of a layer, if they are kept.
    pub(super) fn inspected_kv(&self, layer: u32) -> Option<Buffer> {
        let kept = self.watch?.new_kv.as_ref()?;
        Some(kept.row(layer))
    }

    /// The row for the [`HeadStats`] of a layer, if they are kept.
    pub(super) fn inspected_heads(&self, layer: u32) -> Option<Buffer> {
        let kept = self.watch?.head_stats.as_ref()?;
        Some(kept.row(layer))
    }
}
