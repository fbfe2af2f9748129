use std::ffi::OsString;

use clap::{ArgGroup, Parser, Subcommand};
use vitrine_protocol::Prompt;

/// Runs a decoder language model on your GPU, and shows what happens inside.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  vitrine generate \"The capital of France is\" --max-new-tokens 32
  vitrine generate --chat \"Why is the sky blue?\"
  vitrine next \"The capital of Japan is\" --top 6
  vitrine next --ids 504,3575,282,3085,314 --json
  vitrine adapters

Exit codes: 0 done, 1 other failure, 2 wrong arguments or a prompt that does not fit,
            3 the model file, 4 the GPU, 5 the network.";

const GENERATE_EXAMPLES: &str = "\
Examples:
  vitrine generate \"The capital of France is\" --max-new-tokens 32
  vitrine generate --chat \"Why is the sky blue?\" --adapter nvidia
  vitrine generate --ids 504,3575,282 --model model.gguf --json";

const NEXT_EXAMPLES: &str = "\
Examples:
  vitrine next \"The capital of Japan is\" --top 6
  vitrine next --chat \"What is the capital of Japan?\" --top 0 --json";

const TOKENIZE_EXAMPLES: &str = "\
Examples:
  vitrine tokenize \"The capital of Japan is\"
  vitrine tokenize --decode 504 3575 282 3085 314
  vitrine tokenize \"Hello\" --model folder-with-tokenizer.json --json";

#[derive(Subcommand)]
pub enum Command {
    /// Continue a prompt, token by token.
    #[command(after_help = GENERATE_EXAMPLES)]
    Generate(GenerateArgs),
    /// Show how probable each next token is.
    #[command(after_help = NEXT_EXAMPLES)]
    Next(NextArgs),
    /// Show the tokens of a text, or the text of token ids; needs no GPU.
    #[command(after_help = TOKENIZE_EXAMPLES)]
    Tokenize(TokenizeArgs),
    /// List the GPU adapters of this machine, with what matters of each.
    Adapters(AdaptersArgs),
}

/// Which model, and where it runs.
#[derive(clap::Args)]
pub struct ModelArgs {
    /// A GGUF file, a folder in Hugging Face format, or a model of the hub: owner/name,
    /// owner/name@revision, owner/name:file.gguf. Without it the default model,
    /// SmolLM2-135M-Instruct, fetched once.
    #[arg(long, value_name = "PATH|ID")]
    pub model: Option<OsString>,
    /// Part of an adapter's name, or its number in `vitrine adapters`.
    #[arg(long, value_name = "NAME|INDEX")]
    pub adapter: Option<String>,
    /// Allow at most this many tokens in a sequence, fewer than the model does.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub context: Option<u32>,
}

/// What to continue: text or token ids.
#[derive(clap::Args)]
#[command(group(ArgGroup::new("input").required(true).args(["prompt", "ids"])))]
pub struct PromptArgs {
    /// The text to continue.
    pub prompt: Option<String>,
    /// Token ids in place of text.
    #[arg(long, value_name = "ID,ID,…", value_delimiter = ',')]
    pub ids: Option<Vec<u32>>,
    /// Make the text a user message in the model's own chat template.
    #[arg(long, conflicts_with = "ids")]
    pub chat: bool,
}

impl PromptArgs {
    /// As the engine takes it.
    pub fn into_prompt(self) -> Prompt {
        match (self.ids, self.prompt) {
            (Some(ids), _) => Prompt::Ids { ids },
            (None, text) if self.chat => Prompt::Chat {
                user: text.unwrap_or_default(),
            },
            (None, text) => Prompt::Text {
                text: text.unwrap_or_default(),
            },
        }
    }
}

#[derive(clap::Args)]
pub struct GenerateArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Stop after this many new tokens.
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub max_new_tokens: u32,
    /// Compute all keys and values anew at each step: the same tokens, but slower and slower.
    #[arg(long)]
    pub no_kv_cache: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct NextArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// How many tokens to list; 0 for all.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub top: u32,
    /// Print one JSON object instead of bars.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
#[command(group(ArgGroup::new("what").required(true).args(["text", "decode"])))]
pub struct TokenizeArgs {
    /// The text to cut into tokens.
    pub text: Option<String>,
    /// Token ids to turn into text instead.
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    pub decode: Option<Vec<u32>>,
    /// Add the tokens that begin and end a text, where the model's files ask for them.
    #[arg(long, conflicts_with = "decode")]
    pub special: bool,
    /// A GGUF file, a tokenizer.json, a folder with one, or a model of the hub; without it the
    /// default model.
    #[arg(long, value_name = "PATH|ID")]
    pub model: Option<OsString>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct AdaptersArgs {
    /// Print a JSON array instead of a table.
    #[arg(long)]
    pub json: bool,
}
