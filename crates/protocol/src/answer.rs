use serde::{Deserialize, Serialize};

use crate::{
    AblationReport, BatchSummary, BenchReport, CompareReport, Distribution, FormatRow,
    GenerateSummary, HeadEffect, HeadScore, LensReport, ModelReport, NamedToken, PatchReport,
    PositionReport, RaceReport, RopeReport, StepsReport, SweepReport, TokenPiece, TokenStep,
    TuneReport,
};

/// The answer to a [`Question`](crate::Question) of the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The tokens of a text.
    Tokenize(TokenizeReport),
    /// A rendered chat, and its tokens.
    Render(TokenizeReport),
    /// Of the loaded model, or of a config.json.
    Inspect(Box<ModelReport>),
    /// One for each token that was asked for, in order.
    NamedTokens {
        /// The tokens.
        tokens: Vec<NamedToken>,
    },
    /// From logits to a drawn token.
    Steps(StepsReport),
    /// One for each position.
    Positions {
        /// The positions.
        positions: Vec<PositionReport>,
    },
    /// Tensors, sent as buffers.
    Trace(TraceReport),
    /// One buffer: `attentions`, (layers, heads, side, side) in 8 bits.
    AttentionThumbnails(ThumbnailsReport),
    /// One buffer: `attentions.l`, (heads, positions, positions).
    Attention(LayerAttention),
    /// All layers and positions.
    Lens(LensReport),
    /// Four buffers, each (positions, head_dim): `q_proj`, `k_proj` (before), `q`, `k` (after).
    Rope(RopeTurns),
    /// Before and after.
    Ablate(AblationReport),
    /// All heads, the one that matters most first.
    Sweep(SweepReport),
    /// All layers and positions.
    Patch(PatchReport),
    /// Both generations.
    Race(RaceReport),
    /// All formats.
    Compare(CompareReport),
    /// How all sequences ended.
    Batch(BatchSummary),
    /// What was measured.
    Bench(Box<BenchReport>),
    /// Of each kind of matrix that was measured.
    Tune(TuneReport),
}

/// A part of an answer that takes long, sent as soon as it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerPart {
    /// A head was ablated.
    Head(HeadEffect),
    /// Patching begins: the report without a cell of `restored`.
    PatchBegins(PatchReport),
    /// A cell of `PatchReport::restored`; cells before the first differing token are 0 and are not sent.
    Restored {
        /// The layer.
        layer: u32,
        /// The position.
        position: u32,
        /// How much of the clean answer was restored.
        share: f64,
    },
    /// A token of the race.
    Raced {
        /// In the generation with the cache, or in the other.
        kv_cache: bool,
        /// The token; `elapsed_s` counts from the beginning of its generation.
        step: Box<TokenStep>,
    },
    /// A format was measured.
    Compared(FormatRow),
    /// A sequence of a batch begins.
    BatchPrompt {
        /// Its index in the request.
        sequence: u32,
        /// The tokens of its prompt.
        tokens: Vec<TokenPiece>,
    },
    /// A sequence of a batch has a new token.
    BatchToken {
        /// Its index in the request.
        sequence: u32,
        /// The token.
        step: Box<TokenStep>,
    },
    /// A sequence of a batch has ended.
    BatchFinished {
        /// Its index in the request.
        sequence: u32,
        /// How.
        summary: GenerateSummary,
    },
    /// The next measurement.
    Measuring {
        /// Which, in words.
        what: String,
    },
}

/// A tensor that is sent as a buffer, little-endian, with contiguous last dimension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorHeader {
    /// Its name, as in `vitrine trace`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u32>,
    /// What its values are.
    pub dtype: TensorType,
}

/// The data type of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TensorType {
    /// Four bytes a value.
    F32,
    /// One byte a value; 255 is 1.
    U8,
}

/// The tokens of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizeReport {
    /// In order.
    pub tokens: Vec<TokenEntry>,
    /// The text of all of them.
    pub text: String,
}

/// A token of a text and its entry in the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEntry {
    /// Its position.
    pub position: u32,
    /// Its id.
    pub id: u32,
    /// Its entry in the vocabulary; `None` for unused ids.
    pub piece: Option<String>,
    /// The text of its bytes, with U+FFFD for parts of a character.
    pub text: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A prompt and the activations of its prefill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// One for each buffer, in their order.
    pub tensors: Vec<TensorHeader>,
    /// The 64 most probable next tokens.
    pub distribution: Distribution,
    /// (layers + 1, positions): the logit lens before each layer, and the final prediction. Empty if it was not
    /// requested.
    pub lens: Vec<Vec<Distribution>>,
}

/// Thumbnails of the attention of all heads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThumbnailsReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The buffer. Cell (i, j) of a head is the highest probability of the queries from
    /// i · positions / side to (i + 1) · positions / side, and of the keys in the same way by j.
    pub tensors: Vec<TensorHeader>,
    /// Scores of all heads, by layer and head; empty for a prompt of one token.
    pub heads: Vec<HeadScore>,
}

/// The attention of all heads of a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerAttention {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The buffer.
    pub tensors: Vec<TensorHeader>,
    /// Scores of the heads; empty for a prompt of one token.
    pub heads: Vec<HeadScore>,
}

/// RoPE of a layer. Dimensions i and i + dim / 2 of a head are rotated together, at position p by p · `inv_freq[i]`
/// radians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeTurns {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The buffers.
    pub tensors: Vec<TensorHeader>,
    /// The key head that the query head reads.
    pub kv_head: u32,
    /// The rotary embedding; `None` for learned positions, or if the layer has none.
    pub rope: Option<RopeReport>,
    /// (dim / 2): radians per position, for a prompt of this length.
    pub inv_freq: Vec<f32>,
}
