//! Queries and keys of a head, before and after rotation.

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{Answer, Answered, RopeTurns, Tensor};

use crate::inquiry::Inquiry;
use crate::visible;

/// Queries and keys from an answer.
#[derive(Clone)]
pub struct Turns(Arc<Answered>);

impl PartialEq for Turns {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// One of the four tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    QueryBefore,
    KeyBefore,
    Query,
    Key,
}

impl Turns {
    /// The newest answer. Tracks it.
    pub fn of(inquiry: Inquiry) -> Option<Self> {
        let answered = inquiry.answered.get()?;
        let is_whole = answered.tensors.len() == 4;
        (is_whole && matches!(answered.answer, Answer::Rope(_))).then_some(Self(answered))
    }

    /// The report; `of` checked that there is one.
    pub fn report(&self) -> Option<&RopeTurns> {
        match &self.0.answer {
            Answer::Rope(report) => Some(report),
            _ => None,
        }
    }

    /// Rotated pairs of dimensions.
    pub fn pairs(&self) -> u32 {
        self.inv_freq().len() as u32
    }

    /// Radians per position of each pair.
    pub fn inv_freq(&self) -> &[f32] {
        self.report().map_or(&[], |it| &it.inv_freq)
    }

    /// `wanted` if it is in the sequence, else the last position.
    pub fn position(&self, wanted: Option<u32>) -> u32 {
        let count = self.report().map_or(0, |it| it.prompt.len() as u32);
        let last = count.saturating_sub(1);
        wanted.map_or(last, |it| it.min(last))
    }

    /// The token at a position.
    pub fn token(&self, position: u32) -> String {
        let token = self
            .report()
            .and_then(|it| it.prompt.get(position as usize));
        token.map(visible::label).unwrap_or_default()
    }

    fn tensor(&self, side: Side) -> Option<&Tensor> {
        self.0.tensors.get(match side {
            Side::QueryBefore => 0,
            Side::KeyBefore => 1,
            Side::Query => 2,
            Side::Key => 3,
        })
    }

    /// A vector of the head: (head_dim).
    pub fn vector(&self, side: Side, position: u32) -> &[f32] {
        let Some(tensor) = self.tensor(side) else {
            return &[];
        };
        let width = tensor.shape.last().copied().unwrap_or(0) as usize;
        let begin = position as usize * width;
        tensor.floats().get(begin..begin + width).unwrap_or(&[])
    }

    /// The two dimensions of a pair.
    pub fn pair(&self, side: Side, position: u32, pair: u32) -> (f64, f64) {
        let vector = self.vector(side, position);
        let at = |index: u32| vector.get(index as usize).copied().map_or(0.0, f64::from);
        (at(pair), at(pair + self.pairs()))
    }

    /// The score of a query and a key: their dot product over the square root of head_dim.
    pub fn score(&self, query: Side, key: Side, at: u32, other: u32) -> f64 {
        score(self.vector(query, at), self.vector(key, other))
    }
}

fn score(query: &[f32], key: &[f32]) -> f64 {
    let products = query
        .iter()
        .zip(key)
        .map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.sum::<f64>() / (query.len().max(1) as f64).sqrt()
}

/// Angle from one vector to another, from 0 to 2π.
pub fn turn((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> f64 {
    (to_y.atan2(to_x) - y.atan2(x)).rem_euclid(std::f64::consts::TAU)
}

#[cfg(test)]
mod tests {
    use super::{score, turn};

    #[test]
    fn a_turn_is_measured_between_two_vectors() {
        let quarter = std::f64::consts::FRAC_PI_2;
        assert!((turn((2.0, 0.0), (0.0, 2.0)) - quarter).abs() < 1e-12);
        assert!((turn((0.0, 1.0), (1.0, 0.0)) - 3.0 * quarter).abs() < 1e-12);
    }

    #[test]
    fn scores_are_scaled_by_the_width() {
        assert!((score(&[1.0, 2.0, 3.0, 4.0], &[1.0, 1.0, 1.0, 1.0]) - 5.0).abs() < 1e-12);
        assert!(score(&[], &[]).abs() < 1e-12);
    }
}
