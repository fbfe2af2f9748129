use serde::{Deserialize, Serialize};

use crate::{Candidate, TokenPiece};

/// The logit lens of a prompt: final norm and output head on the residual stream before each layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// For each position the model's own answer, which all layers are asked about.
    pub answers: Vec<TokenPiece>,
    /// For each position, the first layer from which on that answer leads.
    pub leads_from: Vec<u32>,
    /// (layers + 1, positions); the last row is what the model says in the end.
    pub cells: Vec<Vec<LensCell>>,
}

/// A layer at a position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensCell {
    /// The most probable tokens, best first.
    pub top: Vec<Candidate>,
    /// Of the answer at this position.
    pub answer: LensAnswer,
}

/// What a layer makes of the final answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensAnswer {
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub probability: f64,
    /// 1 for the most probable token.
    pub rank: u32,
}
