use serde::{Deserialize, Serialize};

use crate::{Distribution, GenerateSummary, ModelSummary, StageTime, TokenPiece, TokenStep};

/// Bit set of the enabled parts of a [`TokenPacket`]; disabled parts cost nothing. Bits 8 to 15 are the number of
/// layers that the logit lens skips after each one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PacketParts(pub u16);

impl PacketParts {
    /// No parts.
    pub const NONE: Self = Self(0);
    /// Entropy and a histogram of surprisal.
    pub const LOGITS: Self = Self(1);
    /// Attention statistics of each head.
    pub const HEADS: Self = Self(1 << 1);
    /// Norms of the residual stream and of the outputs of attention and MLPs.
    pub const RESIDUAL: Self = Self(1 << 2);
    /// Strongest neurons of each layer.
    pub const NEURONS: Self = Self(1 << 3);
    /// Norms of new keys and values.
    pub const KV: Self = Self(1 << 4);
    /// Logit lens of each layer.
    pub const LENS: Self = Self(1 << 5);
    /// GPU time of each stage.
    pub const TIMINGS: Self = Self(1 << 6);
    /// Limits the logit lens to some tokens, so that generation takes at most 15 % longer: the first, the ninth, and
    /// then as often as its cost on this adapter allows.
    pub const LENS_PACED: Self = Self(1 << 7);
    /// The parts that the page requests for all tokens; they cost a few percent of a token.
    pub const CHEAP: Self = Self((1 << 5) - 1);
    /// All parts.
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

    /// Maximum step between layers of the logit lens.
    pub const MOST_LENS_EVERY: u32 = 256;

    /// Limits the logit lens to every `n`-th layer, starting at layer 0. `n` is at most
    /// [`PacketParts::MOST_LENS_EVERY`].
    #[must_use]
    pub fn with_lens_every(self, n: u32) -> Self {
        let left_out = n.clamp(1, Self::MOST_LENS_EVERY) as u16 - 1;
        Self(self.0 & 0xFF | left_out << 8)
    }

    /// Step between layers of the logit lens.
    #[must_use]
    pub fn lens_every(self) -> u32 {
        u32::from(self.0 >> 8) + 1
    }

    /// Whether no part is on.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.without(Self::LENS_PACED).0 & 0xFF == 0
    }

    /// Whether all of `parts` are on.
    #[must_use]
    pub fn has(self, parts: Self) -> bool {
        self.0 & parts.0 == parts.0
    }

    /// Union of both sets.
    #[must_use]
    pub fn with(self, parts: Self) -> Self {
        Self(self.0 | parts.0)
    }

    /// These parts without `parts`.
    #[must_use]
    pub fn without(self, parts: Self) -> Self {
        Self(self.0 & !parts.0)
    }
}

/// Statistics of the pass that chose a token, computed on the GPU. Parts that were not requested are absent. Layers,
/// heads and positions count from 0; norms are Euclidean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenPacket {
    /// ln Σ exp(logit) over the vocabulary.
    pub logsumexp: f32,
    /// Entropy of the next-token distribution, and a histogram of surprisal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logits: Option<LogitPacket>,
    /// (layers, heads): attention statistics of each query head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heads: Vec<Vec<HeadPacket>>,
    /// (2 · layers + 1): the residual stream before each attention and each MLP, and after the last MLP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residual: Vec<ResidualPacket>,
    /// (layers): the strongest neurons, strongest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neurons: Vec<Vec<NeuronPacket>>,
    /// (layers, kv_heads): norm of the new key, after RoPE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Vec<f32>>,
    /// (layers, kv_heads): norm of the new value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Vec<f32>>,
    /// (layers, or every n-th of them: [`PacketParts::lens_every`]): the five most probable tokens of the logit lens
    /// before the layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lens: Vec<Distribution>,
    /// GPU time of each stage, in order: embedding, attention and MLP of each layer, output head, choice of the token,
    /// and the packet itself (without the lens). Empty if the adapter has no timestamps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timings: Vec<StageTime>,
}

/// Statistics of the next token's distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogitPacket {
    /// -Σ p ln p, in nats.
    pub entropy: f32,
    /// Width of a bin, in nats.
    pub bin: f32,
    /// Bin b counts the tokens with -ln p (`logsumexp` minus logit) from b · `bin` to (b + 1) · `bin`; the last bin
    /// also counts all larger values.
    pub counts: Vec<u32>,
}

/// Attention statistics of a query head.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeadPacket {
    /// -Σ p ln p, in nats.
    pub entropy: f32,
    /// The highest probability.
    pub max: f32,
    /// The position with the highest probability.
    pub argmax: u32,
    /// The probability of position 0.
    pub first_token: f32,
}

/// The residual stream at one point of the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResidualPacket {
    /// Its norm.
    pub norm: f32,
    /// Norm of the vector added since the previous point; 0 at the first one.
    pub added: f32,
}

/// A strongly active neuron of an MLP.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NeuronPacket {
    /// Its index in the layer.
    pub id: u32,
    /// Its value in the input of `down_proj`.
    pub activation: f32,
}

/// A line of a recording file, which replays a generation without a model: the prompt, then tokens, then the summary,
/// as JSON lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TraceLine {
    /// The prompt.
    Prompt {
        /// The model.
        model: ModelSummary,
        /// Name of the adapter.
        adapter: String,
        /// Time of recording in UTC (ISO 8601), such as `2026-01-31T12:00:00Z`. Missing in older files.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recorded: Option<String>,
        /// The parts of the packets.
        parts: PacketParts,
        /// The prompt's tokens.
        tokens: Vec<TokenPiece>,
    },
    /// A new token, with its packet.
    Token(Box<TokenStep>),
    /// How the generation ended, and its timings.
    Summary(GenerateSummary),
}
