use serde::{Deserialize, Serialize};
use vitrine_sampling::SamplingParams;

use crate::{Distribution, Draw, TokenPiece};

/// A token that was requested by id or text, with its prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedToken {
    /// The token.
    pub piece: TokenPiece,
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub probability: f64,
    /// 1 for the most probable token; of equal ones, the lower id comes first.
    pub rank: u32,
}

/// The steps from the logits at the end of a prompt to a drawn token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepsReport {
    /// The settings that were applied.
    pub params: SamplingParams,
    /// The most probable tokens after penalties, best first.
    pub tokens: Vec<TokenSteps>,
    /// The effect of each filter, in order.
    pub filters: Vec<FilterReport>,
    /// The token that was drawn.
    pub drawn: TokenPiece,
    /// How it was drawn.
    pub draw: Draw,
}

/// The steps for one token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenSteps {
    /// The token.
    pub piece: TokenPiece,
    /// Its logit from the output head.
    pub logit: f32,
    /// Its logit after penalties.
    pub penalized: f32,
    /// `penalized` divided by the temperature.
    pub scaled: f32,
    /// Its probability before filters.
    pub probability: f64,
    /// Its probability after top-k; 0 if removed.
    pub after_top_k: f64,
    /// Its probability after top-p; 0 if removed.
    pub after_top_p: f64,
    /// Its probability after min-p, with which it is drawn; 0 if removed.
    pub after_min_p: f64,
}

/// Effect of a filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilterReport {
    /// `top_k`, `top_p` or `min_p`.
    pub name: String,
    /// Number of remaining tokens.
    pub kept: u32,
    /// Number of removed tokens.
    pub removed: u32,
    /// The most probable removed tokens.
    pub first_removed: Vec<TokenPiece>,
}

/// The prediction at a position of a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionReport {
    /// The position, from 0.
    pub position: u32,
    /// The token at this position.
    pub piece: TokenPiece,
    /// Distribution of the next token.
    pub distribution: Distribution,
    /// The next token of the prompt; `None` for the last position.
    pub following: Option<FollowingToken>,
}

/// The token that actually follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowingToken {
    /// The token.
    pub piece: TokenPiece,
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub probability: f64,
    /// 1 for the most probable token; of equal ones, the lower id comes first.
    pub rank: u32,
    /// -log2 of its probability, in bits.
    pub surprisal_bits: f64,
}
