use serde::{Deserialize, Serialize};

use crate::{
    BatchRequest, BenchRequest, CompareRequest, Intervention, PatchRequest, Prompt, SamplingParams,
    TraceRequest, TuneRequest,
};

/// A question about the loaded model, answered by the [`Answer`](crate::Answer) of the same name. Layers, heads and
/// positions count from 0.
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
    /// A user's message, rendered by the chat template.
    Render {
        /// The message.
        user: String,
    },
    /// Modules, parameters, formats, KV cache, attention and positions of the loaded model.
    Inspect {
        /// Tokens for the size of the KV cache; `None` for the longest context.
        #[serde(default)]
        context: Option<u32>,
    },
    /// The same for any config.json; needs no loaded model. Answered by `Answer::Inspect`.
    InspectConfig {
        /// The file's text.
        json: String,
        /// Tokens for the size of the KV cache; `None` for the longest context.
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
        /// Tokens by text; each must be a single token. They follow those by id.
        #[serde(default)]
        texts: Vec<String>,
    },
    /// The steps from logits to a drawn token.
    Steps {
        /// The prompt.
        prompt: Prompt,
        /// Sampling settings.
        params: SamplingParams,
        /// Number of most probable tokens to report.
        rows: u32,
    },
    /// Prediction and surprisal of the next token at each position of a prompt.
    Positions {
        /// The prompt.
        prompt: Prompt,
        /// Number of candidates, at most 64.
        top: u32,
    },
    /// Tensors, as buffers.
    Trace(TraceRequest),
    /// The downsampled attention of all layers and heads, as a buffer, with the heads' scores.
    AttentionThumbnails {
        /// The prompt.
        prompt: Prompt,
        /// Maximum number of cells per side.
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
        /// Number of candidates, at most 64.
        top: u32,
    },
    /// The rotary embedding of a layer, and queries and keys of a head before and after it, as buffers.
    Rope {
        /// The prompt.
        prompt: Prompt,
        /// The layer.
        layer: u32,
        /// The query head.
        head: u32,
    },
    /// Effect of interventions on the token after a prompt.
    Ablate {
        /// The prompt.
        prompt: Prompt,
        /// The interventions.
        interventions: Vec<Intervention>,
        /// Number of candidates.
        top: u32,
    },
    /// Effect of ablating each head in turn. Heads are sent as `AnswerPart::Head`.
    Sweep {
        /// The prompt.
        prompt: Prompt,
        /// Whether a head is set to its mean over the positions instead of zero.
        mean: bool,
    },
    /// Activation patching from one prompt to another. Cells are sent as `AnswerPart::Restored`.
    Patch(PatchRequest),
    /// The same generation with the KV cache and without. Tokens are sent as `AnswerPart::Raced`.
    Race {
        /// The prompt.
        prompt: Prompt,
        /// Maximum number of new tokens.
        max_new_tokens: u32,
    },
    /// Compares formats on one text. Loads the model in each format and finally as it was before, so earlier
    /// generations cannot be forked afterwards. Formats are sent as `AnswerPart::Compared`. Only the worker answers it.
    Compare(CompareRequest),
    /// Continues several prompts together. Tokens are sent as `AnswerPart::BatchToken`.
    Batch(BatchRequest),
    /// Measures speeds.
    Bench(BenchRequest),
    /// The measured tilings for this adapter.
    Tune {
        /// Measures them now instead of using earlier results.
        #[serde(default)]
        again: Option<TuneRequest>,
    },
}
