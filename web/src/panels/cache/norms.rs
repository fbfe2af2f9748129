//! Norms of keys and values by layer, head and position, from packets and from a trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::With;
use vitrine_protocol::{Answer, Answered, Tensor, TokenPacket};

use crate::components::choices::Choice;
use crate::i18n::t;
use crate::panels::traced;
use crate::state::State;

/// Keys or values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keys, after RoPE.
    Keys,
    /// Values.
    Values,
}

impl Choice for Kind {
    const ALL: &'static [Self] = &[Self::Keys, Self::Values];

    fn name(self) -> &'static str {
        match self {
            Self::Keys => t("cache-keys"),
            Self::Values => t("cache-values"),
        }
    }

    fn testid(self) -> &'static str {
        match self {
            Self::Keys => "kind-keys",
            Self::Values => "kind-values",
        }
    }
}

/// Known norms of the cache.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Norms {
    /// Packets, by the position that the model had read.
    packets: BTreeMap<u32, Arc<TokenPacket>>,
    /// Number of positions of the trace, and norms of keys and of values: (layers, kv_heads, positions).
    traced: Option<(usize, [Vec<Vec<f32>>; 2])>,
}

impl Norms {
    /// Norms from the packets of the strip, and from a trace of the same `ids`.
    pub fn of(state: State, ids: &[u32], answered: Option<&Answered>) -> Self {
        let packets = state.strip.tokens.with(|tokens| {
            // A token's packet belongs to the position before it, from which it was predicted.
            let read = tokens.iter().skip(1).zip(0..);
            read.filter_map(|(token, position)| {
                Some((position, Arc::clone(token.packet.as_ref()?)))
            })
            .collect()
        });
        let same = |answered: &&Answered| match &answered.answer {
            Answer::Trace(report) => {
                let read = report.prompt.iter().map(|it| it.id);
                read.eq(ids.iter().copied())
            }
            _ => false,
        };
        let traced = answered.filter(same).map(|answered| {
            let of = |kind: &str| {
                (0..)
                    .map_while(|layer| {
                        traced::tensor(&answered.tensors, &format!("{kind}.{layer}"))
                    })
                    .map(rows)
                    .collect()
            };
            (ids.len(), [of("k"), of("v")])
        });
        Self { packets, traced }
    }

    /// A norm, if known.
    pub fn at(&self, kind: Kind, layer: u32, head: u32, position: u32) -> Option<f32> {
        let (layer, head) = (layer as usize, head as usize);
        if let Some((positions, traced)) = &self.traced {
            let all = traced.get(kind as usize)?.get(layer)?;
            return all.get(head * positions + position as usize).copied();
        }
        let packet = self.packets.get(&position)?;
        let norms = match kind {
            Kind::Keys => &packet.keys,
            Kind::Values => &packet.values,
        };
        norms.get(layer)?.get(head).copied()
    }
}

/// The norms of all rows of a tensor.
fn rows(tensor: &Tensor) -> Vec<f32> {
    let width = tensor.shape.last().copied().unwrap_or(1).max(1) as usize;
    let rows = tensor.floats().len() / width;
    (0..rows)
        .filter_map(|row| traced::norm(tensor, row, width))
        .collect()
}
