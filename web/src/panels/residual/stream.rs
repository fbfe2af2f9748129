//! Norms of the residual stream by layer and position, from packets and from a trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::With;
use vitrine_protocol::{Answer, Answered, TokenPacket};

use crate::components::choices::Choice;
use crate::i18n::t;
use crate::panels::traced;
use crate::state::State;

/// The shown quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The norm before a layer.
    Norm,
    /// The norm of what its attention adds.
    Attention,
    /// The norm of what its MLP adds.
    Mlp,
}

impl Part {
    /// The title of its map.
    pub fn title(self) -> &'static str {
        match self {
            Self::Norm => t("residual-norm-title"),
            Self::Attention => t("residual-attention-title"),
            Self::Mlp => t("residual-mlp-title"),
        }
    }
}

impl Choice for Part {
    const ALL: &'static [Self] = &[Self::Norm, Self::Attention, Self::Mlp];

    fn name(self) -> &'static str {
        match self {
            Self::Norm => t("residual-norm"),
            Self::Attention => t("residual-attention"),
            Self::Mlp => t("residual-mlp"),
        }
    }

    fn testid(self) -> &'static str {
        match self {
            Self::Norm => "part-norm",
            Self::Attention => "part-attention",
            Self::Mlp => "part-mlp",
        }
    }
}

/// Known norms of the residual stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// Packets, by the position that the model had read.
    pub packets: BTreeMap<u32, Arc<TokenPacket>>,
    /// Norms before the layers, by position: (positions, layers).
    traced: Vec<Vec<f32>>,
}

impl Stream {
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
        Self {
            packets,
            traced: answered
                .and_then(|it| traced_norms(ids, it))
                .unwrap_or_default(),
        }
    }

    /// A norm, if known.
    pub fn at(&self, part: Part, layer: u32, position: u32) -> Option<f32> {
        let layer = layer as usize;
        let packet = self.packets.get(&position);
        let of_packet = packet.and_then(|packet| match part {
            Part::Norm => packet.residual.get(2 * layer).map(|it| it.norm),
            Part::Attention => packet.residual.get(2 * layer + 1).map(|it| it.added),
            Part::Mlp => packet.residual.get(2 * layer + 2).map(|it| it.added),
        });
        of_packet.or_else(|| match part {
            Part::Norm => self.traced.get(position as usize)?.get(layer).copied(),
            Part::Attention | Part::Mlp => None,
        })
    }
}

fn traced_norms(ids: &[u32], answered: &Answered) -> Option<Vec<Vec<f32>>> {
    let Answer::Trace(report) = &answered.answer else {
        return None;
    };
    // The strip may have grown since.
    let same = report.prompt.iter().map(|it| it.id).eq(ids.iter().copied());
    if !same {
        return None;
    }
    // The last hidden state is after the final norm, so it is not part of the stream.
    let layers = answered.tensors.len().checked_sub(1)?;
    let norms = |position: usize| -> Vec<f32> {
        (0..layers)
            .filter_map(|layer| {
                let name = format!("hidden_states.{layer}");
                let tensor = traced::tensor(&answered.tensors, &name)?;
                let width = *tensor.shape.last()? as usize;
                traced::norm(tensor, position, width)
            })
            .collect()
    };
    Some((0..ids.len()).map(norms).collect())
}
