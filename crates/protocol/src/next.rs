use serde::{Deserialize, Serialize};
use vitrine_sampling::SamplingParams;

use crate::{Distribution, Draw, TokenPiece};

/// A token that was requested by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedToken {
    /// The token.
    pub piece: TokenPiece,
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub probability: f64,
    /// 1 for the most probable token; among equal ones the lower id comes first.
    pub rank: u32,
}

/// The steps from the logits at the end of a prompt to a drawn token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepsReport {
    /// The settings that were applied.
    pub params: SamplingParams,
    /// The most probable tokens after penalties, best first.
    pub tokens: Vec<TokenSteps>,
    /// What each filter did, in order.
    pub filters: Vec<FilterReport>,
    /// The token that was drawn.
    pub drawn: TokenPiece,
    /// How.
    pub draw: Draw,
}

/// The effect of each step on one token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenSteps {
    /// The token.
    pub piece: TokenPiece,
    /// Its logit, as the output head gave it.
    pub logit: f32,
    /// After the penalties.
    pub penalized: f32,
    /// And divided by the temperature.
    pub scaled: f32,
    /// Its probability then.
    pub probability: f64,
    /// Among those that remain after top-k; 0 if it was removed.
    pub after_top_k: f64,
    /// And top-p.
    pub after_top_p: f64,
    /// And min-p: the probability by which it is drawn.
    pub after_min_p: f64,
}

/// What a filter did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilterReport {
    /// `top_k`, `top_p` or `min_p`.
    pub name: String,
    /// Tokens that remain.
    pub kept: u32,
    /// Tokens that it removed.
    pub removed: u32,
    /// The most probable of those.
    pub first_removed: Vec<TokenPiece>,
}

/// What a model predicts at a position of a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionReport {
    /// The position; the first token has 0.
    pub position: u32,
    /// The token there.
    pub piece: TokenPiece,
    /// What may follow it.
    pub distribution: Distribution,
    /// The actual next token; `None` after the last token.
    pub following: Option<FollowingToken>,
}

/// The actual next token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowingToken {
    /// The token.
    pub piece: TokenPiece,
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub probability: f64,
    /// 1 for the most probable token; among equal ones the lower id comes first.
    pub rank: u32,
    /// -log2 of its probability, in bits.
    pub surprisal_bits: f64,
}
