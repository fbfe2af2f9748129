use serde::{Deserialize, Serialize};

use crate::{
    AblationReport, BatchSummary, BenchReport, CompareReport, Distribution, FormatRow,
    GenerateSummary, HeadEffect, HeadScore, LensReport, ModelReport, NamedToken, PatchReport,
    PositionReport, RaceReport, RopeReport, StepsReport, SweepReport, TensorHeader, TokenPiece,
    TokenStep, TuneReport,
};

/// The answer to the [`Question`](crate::Question) of the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The tokens of a text.
    Tokenize(TokenizeReport),
    /// The text and the tokens of a rendered chat.
    Render(TokenizeReport),
    /// Report on the loaded model or on a config.json.
    Inspect(Box<ModelReport>),
    /// The requested tokens.
    NamedTokens {
        /// In the order of the request.
        tokens: Vec<NamedToken>,
    },
    /// The steps from logits to a drawn token.
    Steps(StepsReport),
    /// Predictions at each position.
    Positions {
        /// One entry per position.
        positions: Vec<PositionReport>,
    },
    /// Tensors, sent as buffers.
    Trace(TraceReport),
    /// One buffer: `attentions`, (layers, heads, side, side) in 8 bits.
    AttentionThumbnails(ThumbnailsReport),
    /// One buffer: `attentions.l`, (heads, positions, positions).
    Attention(LayerAttention),
    /// The logit lens of all layers and positions.
    Lens(LensReport),
    /// Four buffers, each (positions, head_dim): `q_proj`, `k_proj` (before rotation), `q`, `k` (after).
    Rope(RopeTurns),
    /// Distributions without and with the interventions.
    Ablate(AblationReport),
    /// All heads, most important first.
    Sweep(SweepReport),
    /// All layers and positions.
    Patch(PatchReport),
    /// Both generations.
    Race(RaceReport),
    /// All formats.
    Compare(CompareReport),
    /// Summaries of all sequences.
    Batch(BatchSummary),
    /// The measured speeds.
    Bench(Box<BenchReport>),
    /// The measured tilings of each kind of projection.
    Tune(TuneReport),
}

/// A part of a long answer, sent as soon as it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerPart {
    /// A head was ablated.
    Head(HeadEffect),
    /// Patching begins: the report with an empty `restored`.
    PatchBegins(PatchReport),
    /// A cell of `PatchReport::restored`. Cells left of the first token that differs are 0 and are not sent.
    Restored {
        /// The layer.
        layer: u32,
        /// The position.
        position: u32,
        /// Share of the clean logit difference that is restored.
        share: f64,
    },
    /// A token of the race.
    Raced {
        /// Whether the generation uses the KV cache.
        kv_cache: bool,
        /// The token; `elapsed_s` counts from the start of its generation.
        step: Box<TokenStep>,
    },
    /// A format was measured.
    Compared(FormatRow),
    /// A sequence of a batch begins.
    BatchPrompt {
        /// Index in the request.
        sequence: u32,
        /// The tokens of its prompt.
        tokens: Vec<TokenPiece>,
    },
    /// A new token of a sequence of a batch.
    BatchToken {
        /// Index in the request.
        sequence: u32,
        /// The token.
        step: Box<TokenStep>,
    },
    /// A sequence of a batch has ended.
    BatchFinished {
        /// Index in the request.
        sequence: u32,
        /// How it ended.
        summary: GenerateSummary,
    },
    /// The next measurement begins.
    Measuring {
        /// A description of it.
        what: String,
    },
}

/// The tokens of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizeReport {
    /// In order.
    pub tokens: Vec<TokenEntry>,
    /// Their text.
    pub text: String,
}

/// A token of a text, with its vocabulary entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEntry {
    /// Its position.
    pub position: u32,
    /// Its id.
    pub id: u32,
    /// Its vocabulary entry; `None` for unused ids.
    pub piece: Option<String>,
    /// Its text; U+FFFD for an incomplete character.
    pub text: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A prompt and the tensors of its pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// Headers of the buffers, in order.
    pub tensors: Vec<TensorHeader>,
    /// Distribution after the prompt: the 64 most probable tokens.
    pub distribution: Distribution,
    /// (layers + 1, positions): the logit lens before each layer, then the model's output. Empty if not requested.
    pub lens: Vec<Vec<Distribution>>,
}

/// The downsampled attention of all heads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThumbnailsReport {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// Header of the buffer. Cell (i, j) of a head is the highest probability of the queries from i · positions / side
    /// to (i + 1) · positions / side and of the corresponding keys for j.
    pub tensors: Vec<TensorHeader>,
    /// Scores of all heads, by layer and head; empty for a prompt of one token.
    pub heads: Vec<HeadScore>,
}

/// The attention of all heads of a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerAttention {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// Header of the buffer.
    pub tensors: Vec<TensorHeader>,
    /// Scores of the heads; empty for a prompt of one token.
    pub heads: Vec<HeadScore>,
}

/// Rotation of queries and keys in a layer. Dimensions i and i + dim / 2 of a head rotate together, at position p by
/// p · `inv_freq[i]` radians.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeTurns {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// Headers of the buffers.
    pub tensors: Vec<TensorHeader>,
    /// The key head that the query head reads.
    pub kv_head: u32,
    /// The rotary embedding; `None` if positions are learned or the layer does not rotate.
    pub rope: Option<RopeReport>,
    /// (dim / 2): radians per position, for a prompt of this length.
    pub inv_freq: Vec<f32>,
}
