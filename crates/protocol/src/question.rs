use serde::{Deserialize, Serialize};

use crate::{
    BatchRequest, BenchRequest, CompareRequest, Intervention, PatchRequest, Prompt, SamplingParams,
    TraceRequest, TuneRequest,
};

/// Questions about the loaded model. Each question has one [`Answer`](crate::Answer) of the same name. Layers, heads
/// and positions count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The tokens of a text.
    Tokenize {
        /// The text.
        text: String,
        /// Whether to add the special tokens that the model expects.
        special: bool,
    },
    /// A user's message rendered by the chat template.
    Render {
        /// What the user says.
        user: String,
    },
    /// Modules, parameters, number formats, cache, attention and positions of the loaded model.
    Inspect {
        /// Number of tokens for the size of the KV cache; `None` for the longest context.
        #[serde(default)]
        context: Option<u32>,
    },
    /// The same of any config.json; needs no loaded model. Answered by `Answer::Inspect`.
    InspectConfig {
        /// The file's text.
        json: String,
        /// Number of tokens for the size of the KV cache; `None` for the longest context.
        #[serde(default)]
        context: Option<u32>,
    },
    /// Probability and rank of tokens after a prompt.
    NamedTokens {
        /// The prompt.
        prompt: Prompt,
        /// Tokens by id.
        #[serde(default)]
        ids: Vec<u32>,
        /// Tokens by text; each must be one token. They come after those by id.
        #[serde(default)]
        texts: Vec<String>,
    },
    /// The steps from logits to a drawn token.
    Steps {
        /// The prompt.
        prompt: Prompt,
        /// How to choose.
        params: SamplingParams,
        /// How many of the best tokens to follow.
        rows: u32,
    },
    /// The prediction at each position of a prompt, and the surprisal of the next token.
    Positions {
        /// The prompt.
        prompt: Prompt,
        /// How many candidates, at most 64.
        top: u32,
    },
    /// Tensors, as buffers.
    Trace(TraceRequest),
    /// Thumbnails of the attention of all layers and heads, as a buffer, with the heads' scores.
    AttentionThumbnails {
        /// The prompt.
        prompt: Prompt,
        /// Maximum cells per side.
        side: u32,
    },
    /// The attention of all heads of a layer, as a buffer.
    Attention {
        /// The prompt.
        prompt: Prompt,
        /// The layer.
        layer: u32,
    },
    /// The logit lens of all layers and positions.
    Lens {
        /// The prompt.
        prompt: Prompt,
        /// How many candidates, at most 64.
        top: u32,
    },
    /// The rotary embedding of a layer, and the queries and keys of a head before and after it, as
    /// buffers.
    Rope {
        /// The prompt.
        prompt: Prompt,
        /// The layer.
        layer: u32,
        /// The query head.
        head: u32,
    },
    /// The effect of interventions on the next token.
    Ablate {
        /// The prompt.
        prompt: Prompt,
        /// What is different.
        interventions: Vec<Intervention>,
        /// How many candidates.
        top: u32,
    },
    /// Each head ablated in turn. Heads arrive as `AnswerPart::Head`.
    Sweep {
        /// The prompt.
        prompt: Prompt,
        /// Whether a head outputs its mean over the positions instead of zero.
        mean: bool,
    },
    /// Activation patching of one prompt into another. Cells arrive as `AnswerPart::Restored`.
    Patch(PatchRequest),
    /// The same generation with the KV cache and without. Tokens arrive as `AnswerPart::Raced`.
    Race {
        /// The prompt.
        prompt: Prompt,
        /// At most this many new tokens.
        max_new_tokens: u32,
    },
    /// A comparison of weight formats on one text. It loads the model in each of them and finally as before, so that
    /// earlier generations cannot be forked. Formats arrive as `AnswerPart::Compared`. Only the worker answers it.
    Compare(CompareRequest),
    /// Several prompts in one run. Tokens arrive as `AnswerPart::BatchToken`.
    Batch(BatchRequest),
    /// Speed.
    Bench(BenchRequest),
    /// The measured tilings of this adapter.
    Tune {
        /// Whether to measure again.
        #[serde(default)]
        again: Option<TuneRequest>,
    },
}
