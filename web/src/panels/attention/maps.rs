//! The attention of a layer's heads, from an answer.

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{Answer, Answered, TokenPiece};

use crate::inquiry::Inquiry;
use crate::visible;

/// Attention probabilities of a layer: (heads, positions, positions).
#[derive(Clone)]
pub struct Maps {
    answered: Arc<Answered>,
    /// Query heads.
    pub heads: u32,
    /// Positions.
    pub positions: u32,
}

impl PartialEq for Maps {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.answered, &other.answered)
    }
}

impl Maps {
    /// The newest answer. Tracks it.
    pub fn of(inquiry: Inquiry) -> Option<Self> {
        let answered = inquiry.answered.get()?;
        let &[heads, positions, _] = answered.tensors.first()?.shape.as_slice() else {
            return None;
        };
        matches!(answered.answer, Answer::Attention(_)).then_some(Self {
            answered,
            heads,
            positions,
        })
    }

    /// The tokens.
    pub fn tokens(&self) -> &[TokenPiece] {
        match &self.answered.answer {
            Answer::Attention(report) => &report.prompt,
            _ => &[],
        }
    }

    /// The tokens as labels.
    pub fn labels(&self) -> Vec<String> {
        self.tokens().iter().map(visible::label).collect()
    }

    /// The probability of a key for a query.
    pub fn at(&self, head: u32, query: u32, key: u32) -> f64 {
        let index = (head * self.positions + query) * self.positions + key;
        let values = self
            .answered
            .tensors
            .first()
            .map_or(&[][..], |it| it.floats());
        values.get(index as usize).copied().map_or(0.0, f64::from)
    }

    /// The highest probability in cell (row, column) of a grid with `side` cells per side.
    pub fn pooled(&self, head: u32, row: u32, column: u32, side: u32) -> f64 {
        let range = |cell: u32| cell * self.positions / side..(cell + 1) * self.positions / side;
        let mut highest = 0.0;
        for query in range(row) {
            for key in range(column) {
                highest = f64::max(highest, self.at(head, query, key));
            }
        }
        highest
    }

    /// `wanted` if it is in the sequence, else the last position.
    pub fn position(&self, wanted: Option<u32>) -> u32 {
        let last = self.positions.saturating_sub(1);
        wanted.map_or(last, |it| it.min(last))
    }
}
