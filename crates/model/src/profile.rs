//! What a pass has to compute and to read, by the names under which it is timed.

use crate::Model;
use crate::weights::Linear;

/// What all layers together have to do for one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// As [`Place::name`](vitrine_gpu::Place).
    pub name: &'static str,
    /// Weights to multiply by.
    pub weights: u64,
    /// Bytes to read.
    pub bytes: u64,
}

impl Model {
    /// What a token after `context` positions has to do, where it is much.
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

    /// Bytes of keys and values that a token sees which is the last of `positions`.
    pub(crate) fn cache_bytes_read(&self, positions: u32) -> u64 {
        let per_layer = self.config.kv_bytes_per_layer(self.cache.dtype);
        let seen = self.config.layers.iter().map(|layer| {
            let window = layer.sliding_window.unwrap_or(u32::MAX);
            u64::from(positions.min(window))
        });
        seen.sum::<u64>() * per_layer
    }
}
