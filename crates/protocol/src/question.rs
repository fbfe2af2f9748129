use serde::{Deserialize, Serialize};

use crate::{
    BatchRequest, BenchRequest, CompareRequest, Intervention, PatchRequest, Prompt, SamplingParams,
    TraceRequest, TuneRequest,
};

/// What can be asked about the loaded model. Each question has one [`Answer`](crate::Answer) of the
/// same name. Layers, heads and positions count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The tokens of a text.
    Tokenize {
        /// The text.
        text: String,
        /// Whether to put the special tokens around it that the model expects.
        special: bool,
    },
    /// A user's message as the chat template writes it.
    Render {
        /// What the user says.
        user: String,
    },
    /// Modules, parameters, number formats, cache, attention and positions of the loaded model.
    Inspect {
        /// Of how many tokens to count the KV cache; none for the longest context.
        #[serde(default)]
        context: Option<u32>,
    },
    /// The same of any config.json; needs no loaded model. Answered by `Answer::Inspect`.
    InspectConfig {
        /// The file's text.
        json: String,
        /// Of how many tokens to count the KV cache; none for the longest context.
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
    /// The way from logits to a drawn token, step by step.
    Steps {
        /// The prompt.
        prompt: Prompt,
        /// How to choose.
        params: SamplingParams,
        /// How many of the best tokens to follow.
        rows: u32,
    },
    /// The prediction at each position of a prompt, and how surprising the next token is.
    Positions {
        /// The prompt.
        prompt: Prompt,
        /// How many candidates, at most 64.
        top: u32,
    },
    /// Tensors, as buffers.
    Trace(TraceRequest),
    /// The attention of all layers and heads in small, as a buffer, with the heads' scores.
    AttentionThumbnails {
        /// The prompt.
        prompt: Prompt,
        /// At most so many cells on a side.
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
    /// What interventions do to the token after a prompt.
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
        /// Whether a head gives its mean over the positions; else it gives zero.
        mean: bool,
    },
    /// The residual stream of one prompt put into another. Cells arrive as `AnswerPart::Restored`.
    Patch(PatchRequest),
    /// The same generation with the KV cache and without. Tokens arrive as `AnswerPart::Raced`.
    Race {
        /// The prompt.
        prompt: Prompt,
        /// At most this many new tokens.
        max_new_tokens: u32,
    },
    /// One text read in several number formats; loads the model anew for each of them, and as it
    /// was in the end, so that earlier generations cannot be forked any more. Formats arrive as
    /// `AnswerPart::Compared`. Only the worker answers it.
    Compare(CompareRequest),
    /// Several prompts in one run. Tokens arrive as `AnswerPart::BatchToken`.
    Batch(BatchRequest),
    /// Speed.
    Bench(BenchRequest),
    /// How the matrices are cut for this adapter, as it was measured.
    Tune {
        /// To measure it now, in place of what is known.
        #[serde(default)]
        again: Option<TuneRequest>,
    },
}
