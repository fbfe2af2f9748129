//! The answer of the logit lens.

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{Answer, Answered, Candidate, LensCell, LensReport};

use crate::inquiry::Inquiry;
use crate::visible::{self, shown_text};

/// Predictions of the logit lens: (layers + 1, positions).
#[derive(Clone)]
pub struct Lens(Arc<Answered>);

impl PartialEq for Lens {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A candidate's text.
pub fn candidate_words(candidate: &Candidate) -> String {
    shown_text(candidate.id, &candidate.bytes, candidate.token.as_deref())
}

impl Lens {
    /// The newest answer. Tracks it.
    pub fn of(inquiry: Inquiry) -> Option<Self> {
        let answered = inquiry.answered.get()?;
        matches!(answered.answer, Answer::Lens(_)).then_some(Self(answered))
    }

    /// The report; `of` checked that there is one.
    pub fn report(&self) -> Option<&LensReport> {
        match &self.0.answer {
            Answer::Lens(report) => Some(report),
            _ => None,
        }
    }

    /// The layers and the final prediction.
    pub fn rows(&self) -> u32 {
        self.report().map_or(0, |it| it.cells.len() as u32)
    }

    /// Positions.
    pub fn positions(&self) -> u32 {
        self.report().map_or(0, |it| it.prompt.len() as u32)
    }

    /// `wanted` if it is in the sequence, else the last position.
    pub fn position(&self, wanted: Option<u32>) -> u32 {
        let last = self.positions().saturating_sub(1);
        wanted.map_or(last, |it| it.min(last))
    }

    /// A row at a position.
    pub fn cell(&self, row: u32, position: u32) -> Option<&LensCell> {
        let row = self.report()?.cells.get(row as usize)?;
        row.get(position as usize)
    }

    /// The token at a position.
    pub fn token(&self, position: u32) -> String {
        let token = self
            .report()
            .and_then(|it| it.prompt.get(position as usize));
        token.map(visible::label).unwrap_or_default()
    }

    /// The final prediction at a position.
    pub fn answer(&self, position: u32) -> String {
        let token = self
            .report()
            .and_then(|it| it.answers.get(position as usize));
        token.map(visible::label).unwrap_or_default()
    }

    /// The tokens with rank 1 in some row of a position: the final prediction first, then the others from the last row
    /// upwards.
    pub fn leaders(&self, position: u32) -> Vec<Candidate> {
        let mut leaders: Vec<Candidate> = Vec::new();
        for row in (0..self.rows()).rev() {
            let first = self.cell(row, position).and_then(|cell| cell.top.first());
            if let Some(first) = first
                && !leaders.iter().any(|it| it.id == first.id)
            {
                leaders.push(first.clone());
            }
        }
        leaders
    }

    /// The rank of a token in a row, from 1; `None` if it is neither the final prediction nor among the candidates.
    pub fn rank(&self, row: u32, position: u32, id: u32) -> Option<u32> {
        let cell = self.cell(row, position)?;
        let answer = self.report()?.answers.get(position as usize)?;
        if answer.id == id {
            return Some(cell.answer.rank);
        }
        let place = cell.top.iter().position(|it| it.id == id)?;
        Some(place as u32 + 1)
    }
}
