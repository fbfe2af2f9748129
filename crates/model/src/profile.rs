//! Arithmetic and memory traffic of a pass, by the names under which its kernels are timed.

use crate::Model;
use crate::weights::Linear;

/// The work of all layers for one token, for one kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The kernel, as in [`Place::name`](vitrine_gpu::Place).
    pub name: &'static str,
    /// Weights multiplied by.
    pub weights: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl Model {
    /// The work of one token after `context` positions, for the expensive kernels.
    #[must_use]
    pub fn work(&self, context: u32) -> Vec<Work> {
        let layers = &self.weights.layers;
        let of = |name, linear: fn(&crate::weights::LayerWeights) -> &Linear| {
            let linears = || layers.iter().map(linear);
            let count =
                |linear: &Linear| u64::from(linear.matrix.rows) * u64::from(linear.matrix.k);
            Work {
                name,
                weights: linears().map(count).sum(),
                bytes: linears().map(Linear::bytes).sum(),
            }
        };
        let head = self.weights.head();
        vec![
            of("qkv_proj", |layer| &layer.qkv_proj),
            Work {
                name: "attention",
                weights: 0,
                bytes: self.cache_bytes_read(context + 1),
            },
            of("o_proj", |layer| &layer.o_proj),
            of("gate_up_proj", |layer| &layer.gate_up_proj),
            of("down_proj", |layer| &layer.down_proj),
            Work {
                name: "lm_head",
                weights: u64::from(head.rows) * u64::from(head.k),
                bytes: head.bytes(),
            },
        ]
    }

    /// Bytes of keys and values read for the last token of `positions`.
    pub(crate) fn cache_bytes_read(&self, positions: u32) -> u64 {
        let per_layer = self.cache.dtype.bytes_per_layer(&self.config);
        let seen = self.config.layers.iter().map(|layer| {
            let window = layer.sliding_window.unwrap_or(u32::MAX);
            u64::from(positions.min(window))
        });
        seen.sum::<u64>() * per_layer
    }
}
