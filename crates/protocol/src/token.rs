use serde::{Deserialize, Serialize};

use crate::TokenPacket;

/// A token with its text and bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenPiece {
    /// Its id.
    pub id: u32,
    /// Its text, with U+FFFD for an incomplete UTF-8 character; `None` without a tokenizer.
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
    /// Text that this token completes; empty while a UTF-8 character is incomplete.
    pub text: String,
    /// Its candidates; `None` if none were requested.
    pub distribution: Option<Distribution>,
    /// Statistics of the pass that chose it; `None` if no part was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<TokenPacket>,
    /// How it was drawn; `None` if it is simply the most probable token.
    #[serde(default)]
    pub draw: Option<Draw>,
    /// Seconds since the request.
    pub elapsed_s: f64,
}

/// How a token was drawn. The tokens that remain after filters divide the interval from 0 to 1 in order of id, each
/// with the length of its probability. The token whose segment contains the random point is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Draw {
    /// The random point, from 0 to 1.
    pub u: f64,
    /// Start of the token's segment.
    pub start: f64,
    /// Length of the segment: the probability with which the token was drawn.
    pub probability: f64,
    /// Number of remaining tokens.
    pub kept: u32,
}

/// The distribution of the next token: the most probable tokens, and the sum of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Distribution {
    /// The most probable tokens, best first; those with equal logits in order of id.
    pub top: Vec<Candidate>,
    /// Total probability of the tokens that are not in `top`.
    pub rest_probability: f64,
    /// Number of these tokens.
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
    /// Its bytes, which distinguish tokens with incomplete characters; empty without a tokenizer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bytes: Vec<u8>,
    /// Its logit from the output head.
    pub logit: f32,
    /// Its probability: softmax over the whole vocabulary.
    pub probability: f64,
}
