use serde::{Deserialize, Serialize};

use crate::{Candidate, TokenPiece};

/// Logit lens of a prompt: final norm and output head applied to the residual stream before each layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The model's prediction at each position.
    pub answers: Vec<TokenPiece>,
    /// The first layer at each position from which on the prediction has rank 1.
    pub leads_from: Vec<u32>,
    /// (layers + 1, positions); the last row is the model's output.
    pub cells: Vec<Vec<LensCell>>,
}

/// The logit lens at one layer and position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensCell {
    /// The most probable tokens, best first.
    pub top: Vec<Candidate>,
    /// The model's prediction for this position in this layer.
    pub answer: LensAnswer,
}

/// Logit, probability and rank of the model's prediction in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensAnswer {
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub probability: f64,
    /// 1 for the most probable token.
    pub rank: u32,
}
