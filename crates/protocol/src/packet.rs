use serde::{Deserialize, Serialize};

use crate::{Distribution, GenerateSummary, ModelSummary, StageTime, TokenPiece, TokenStep};

/// The parts of a [`TokenPacket`], as a set of bits; parts that are off cost nothing. Bits 8 to 15 are the number of
/// layers that the logit lens skips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PacketParts(pub u16);

impl PacketParts {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Entropy, and a histogram of surprisal.
    pub const LOGITS: Self = Self(1);
    /// Statistics of each head's attention.
    pub const HEADS: Self = Self(1 << 1);
    /// Norms of the residual stream, and of what attention and MLPs add.
    pub const RESIDUAL: Self = Self(1 << 2);
    /// The strongest neurons of each layer.
    pub const NEURONS: Self = Self(1 << 3);
    /// Norms of new keys and values.
    pub const KV: Self = Self(1 << 4);
    /// The logit lens of each layer.
    pub const LENS: Self = Self(1 << 5);
    /// GPU time of each stage.
    pub const TIMINGS: Self = Self(1 << 6);
    /// The logit lens of some tokens only, so that it adds at most 15 % to the time: of the first and the ninth
    /// token, then as often as its measured cost allows.
    pub const LENS_PACED: Self = Self(1 << 7);
    /// The parts that the page always requests; they cost a few per cent.
    pub const CHEAP: Self = Self((1 << 5) - 1);
    /// Everything.
    pub const ALL: Self = Self((1 << 7) - 1);

    /// The parts by name.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("logits", Self::LOGITS),
        ("heads", Self::HEADS),
        ("residual", Self::RESIDUAL),
        ("neurons", Self::NEURONS),
        ("kv", Self::KV),
        ("lens", Self::LENS),
        ("timings", Self::TIMINGS),
    ];

    /// Maximum distance of the layers of the lens.
    pub const MOST_LENS_EVERY: u32 = 256;

    /// The same with the logit lens of every `n`-th layer only, from layer 0 on; at most
    /// [`PacketParts::MOST_LENS_EVERY`].
    #[must_use]
    pub fn with_lens_every(self, n: u32) -> Self {
        let left_out = n.clamp(1, Self::MOST_LENS_EVERY) as u16 - 1;
        Self(self.0 & 0xFF | left_out << 8)
    }

    /// Layers from one of the logit lens to the next.
    #[must_use]
    pub fn lens_every(self) -> u32 {
        u32::from(self.0 >> 8) + 1
    }

    /// Whether all of `parts` are on.
    #[must_use]
    pub fn has(self, parts: Self) -> bool {
        self.0 & parts.0 == parts.0
    }

    /// These and those.
    #[must_use]
    pub fn with(self, parts: Self) -> Self {
        Self(self.0 | parts.0)
    }

    /// These and not those.
    #[must_use]
    pub fn without(self, parts: Self) -> Self {
        Self(self.0 & !parts.0)
    }
}

/// Statistics of the pass that chose one token, computed on the GPU. Parts that were not requested are absent.
/// Layers, heads and positions count from 0; norms are Euclidean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenPacket {
    /// ln Σ exp(logit) over the vocabulary.
    pub logsumexp: f32,
    /// Entropy of the next-token distribution in nats, and how many tokens are how probable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logits: Option<LogitPacket>,
    /// (layers, heads): how each query head spread its attention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heads: Vec<Vec<HeadPacket>>,
    /// (2 · layers + 1): the residual stream before each attention, before each MLP, and after the
    /// last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residual: Vec<ResidualPacket>,
    /// (layers): the strongest neurons, the strongest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neurons: Vec<Vec<NeuronPacket>>,
    /// (layers, kv_heads): norm of the new key, after RoPE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Vec<f32>>,
    /// (layers, kv_heads): norm of the new value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Vec<f32>>,
    /// (layers, or every n-th of them: [`PacketParts::lens_every`]): the final norm and the output head applied to
    /// the residual stream before the layer; the five most probable tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lens: Vec<Distribution>,
    /// How long the GPU took for each stage, in order: the embedding, of each layer attention and
    /// MLP, the head, the choice, and summing up the packet (without the lens). Empty where the
    /// adapter has no timestamps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timings: Vec<StageTime>,
}

/// The distribution of the next token as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogitPacket {
    /// -Σ p ln p, in nats.
    pub entropy: f32,
    /// Width of a bin, in nats.
    pub bin: f32,
    /// Bin b counts the tokens with -ln p from b · `bin` to (b + 1) · `bin`, which is how far their logits are below
    /// `logsumexp`; the last bin also all above.
    pub counts: Vec<u32>,
}

/// How a query head spread its attention.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeadPacket {
    /// -Σ p ln p, in nats.
    pub entropy: f32,
    /// The highest probability.
    pub max: f32,
    /// The position that has it.
    pub argmax: u32,
    /// The probability of position 0.
    pub first_token: f32,
}

/// The residual stream at one point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResidualPacket {
    /// Its norm.
    pub norm: f32,
    /// The norm of what was added since the previous point; 0 at the first.
    pub added: f32,
}

/// A neuron that is strongly active.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NeuronPacket {
    /// Its number in its layer.
    pub id: u32,
    /// Its input to `down_proj`.
    pub activation: f32,
}

/// A line of a trace: a generation that can be replayed without a model. One prompt, then tokens,
/// then the summary; as JSON lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TraceLine {
    /// The beginning.
    Prompt {
        /// The model that ran.
        model: ModelSummary,
        /// The adapter that it ran on.
        adapter: String,
        /// When, in UTC (ISO 8601): `2026-01-31T12:00:00Z`. Absent in older files.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recorded: Option<String>,
        /// Which parts packets have.
        parts: PacketParts,
        /// The prompt's tokens.
        tokens: Vec<TokenPiece>,
    },
    /// A new token, with its packet.
    Token(Box<TokenStep>),
    /// How the generation ended, and its timings.
    Summary(GenerateSummary),
}
