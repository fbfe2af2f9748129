use serde::{Deserialize, Serialize};

use crate::TokenPacket;

/// A token of the tokenizer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenPiece {
    /// Its id.
    pub id: u32,
    /// Its text; `None` without a tokenizer. A token that holds part of a UTF-8 character shows the replacement
    /// character here; `bytes` has its actual bytes.
    pub token: Option<String>,
    /// Its bytes; empty without a tokenizer.
    pub bytes: Vec<u8>,
    /// Whether it is a special token (`<|im_start|>`).
    pub special: bool,
}

/// A new token and its candidates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenStep {
    /// Its position in the sequence; the first prompt token has position 0.
    pub position: u32,
    /// The token.
    pub piece: TokenPiece,
    /// Text that this token completes. Empty while a UTF-8 character is unfinished.
    pub text: String,
    /// Its candidates; `None` if none were requested.
    pub distribution: Option<Distribution>,
    /// Its packet; `None` if no part was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<TokenPacket>,
    /// Its draw; `None` if the most probable token was chosen.
    #[serde(default)]
    pub draw: Option<Draw>,
    /// Seconds since the request.
    pub elapsed_s: f64,
}

/// How a token was drawn. The remaining tokens divide [0, 1) in order of id, each with a segment as long as its
/// probability; the point falls on the segment of the drawn token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Draw {
    /// The random point, from 0 to 1.
    pub u: f64,
    /// Where the token's segment begins.
    pub start: f64,
    /// Length of the segment: the probability with which the token was drawn.
    pub probability: f64,
    /// How many tokens remained.
    pub kept: u32,
}

/// The distribution of the next token: the best tokens, and the sum of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Distribution {
    /// The most probable tokens, best first; equal logits in order of id.
    pub top: Vec<Candidate>,
    /// The probability of all tokens that are not in `top`.
    pub rest_probability: f64,
    /// How many tokens that is.
    pub rest_count: u32,
}

/// A token and its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// Its id.
    pub id: u32,
    /// Its text; `None` without a tokenizer.
    pub token: Option<String>,
    /// Its bytes, which tell apart the tokens that hold part of a character; empty without a
    /// tokenizer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bytes: Vec<u8>,
    /// Its logit, as the output head gave it.
    pub logit: f32,
    /// Its probability: softmax over the whole vocabulary.
    pub probability: f64,
}
