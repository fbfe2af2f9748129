mod inside;
pub mod sampling;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Parser, Subcommand, ValueEnum};
use inside::{
    ABLATE_EXAMPLES, ATTENTION_EXAMPLES, COMPARE_EXAMPLES, LENS_EXAMPLES, PATCH_EXAMPLES,
    RACE_EXAMPLES, TRACE_EXAMPLES,
};
use vitrine_engine::{Dtype, KvDtype, LoadOptions, Quantization, Quantize};
use vitrine_inspect::InspectOptions;
use vitrine_protocol::{BenchRequest, Prompt};

use crate::draw::picture_path;
pub use inside::{
    AblateArgs, AttentionArgs, ChangeArgs, CompareArgs, HeadArg, LensArgs, PacketArgs, PartArg,
    PatchArgs, RaceArgs, SiteArg, TraceArgs,
};
pub use sampling::SamplingArgs;

/// Runs a decoder language model on your GPU and shows what happens inside.
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
  vitrine lens \"The capital of Japan is\"
  vitrine ablate \"The capital of Japan is\" --head 23.4
  vitrine adapters

Exit codes: 0 done, 1 other failure, 2 wrong arguments or a prompt that does not fit,
            3 the model file, 4 the GPU, 5 the network.";

const GENERATE_EXAMPLES: &str = "\
Examples:
  vitrine generate \"The capital of France is\" --max-new-tokens 32
  vitrine generate --chat \"Why is the sky blue?\" --adapter nvidia
  vitrine generate \"Once upon a time\" --sample --temperature 0.7 --top-p 0.9 --seed 7
  vitrine generate --ids 504,3575,282 --model model.gguf --json
  vitrine generate --prompt \"The sea is\" --prompt \"The sky is\" --max-new-tokens 16
  vitrine generate --prompts-file prompts.txt --batch 8
  vitrine generate \"The capital of Japan is\" --ablate 23.4 --skip-mlp 20 --packets trace.jsonl";

const NEXT_EXAMPLES: &str = "\
Examples:
  vitrine next \"The capital of Japan is\" --top 6
  vitrine next \"The capital of Japan is\" --token \" Kyoto\"
  vitrine next \"The capital of Japan is\" --steps --temperature 0.7 --top-p 0.9 --seed 7
  vitrine next \"The capital of Japan is\" --positions
  vitrine next --chat \"What is the capital of Japan?\" --top 0 --json";

const TOKENIZE_EXAMPLES: &str = "\
Examples:
  vitrine tokenize \"The capital of Japan is\"
  vitrine tokenize --decode 504 3575 282 3085 314
  vitrine tokenize \"Hello\" --model folder-with-tokenizer.json --json";

const INSPECT_EXAMPLES: &str = "\
Examples:
  vitrine inspect
  vitrine inspect --config Phi-3-mini/config.json --dtype f16 --context 4096";

const BENCH_EXAMPLES: &str = "\
Examples:
  vitrine bench
  vitrine bench --batch 1,2,4,8
  vitrine bench --at 16,512,2048 --svg milliseconds.svg
  vitrine bench --config Phi-3-mini/config.json --random-weights --quantize q4 --json";

const TUNE_EXAMPLES: &str = "\
Examples:
  vitrine tune
  vitrine tune --model Phi-3-mini.gguf --budget 10 --json";

#[derive(Subcommand)]
pub enum Command {
    /// Continue a prompt, token by token.
    #[command(after_help = GENERATE_EXAMPLES)]
    Generate(GenerateArgs),
    /// Show the probabilities of the next token.
    #[command(after_help = NEXT_EXAMPLES)]
    Next(NextArgs),
    /// Show the tokens of a text, or the text of token ids. Needs no GPU.
    #[command(after_help = TOKENIZE_EXAMPLES)]
    Tokenize(TokenizeArgs),
    /// Print a model: its modules, parameters, KV cache, heads and rotary embedding. Needs no GPU.
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(InspectArgs),
    /// Benchmark a model on this machine.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchArgs),
    /// Find the fastest tilings of the matrix products on this adapter, and keep them.
    #[command(after_help = TUNE_EXAMPLES)]
    Tune(TuneArgs),
    /// Continue a prompt with and without the KV cache, and compare every step.
    #[command(after_help = RACE_EXAMPLES)]
    Race(RaceArgs),
    /// Compare weight formats and data types on the same text: divergence from the first, size and speed.
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Write intermediate tensors of a prompt to a safetensors file.
    #[command(after_help = TRACE_EXAMPLES)]
    Trace(TraceArgs),
    /// Print the JSON Schema of a line of a recording file (`vitrine trace --packets`).
    Schema,
    /// Show what each layer would predict at each position (the logit lens).
    #[command(after_help = LENS_EXAMPLES)]
    Lens(LensArgs),
    /// Draw what a head attends to, or rank all heads.
    #[command(after_help = ATTENTION_EXAMPLES)]
    Attention(AttentionArgs),
    /// Switch off heads, attention or MLPs, and see how the next token changes.
    #[command(after_help = ABLATE_EXAMPLES)]
    Ablate(AblateArgs),
    /// Find the layers and positions that restore a prompt's answer (activation patching).
    #[command(after_help = PATCH_EXAMPLES)]
    Patch(PatchArgs),
    /// List the GPU adapters of this machine with their capabilities.
    Adapters(AdaptersArgs),
}

/// The model, and the adapter that runs it.
#[derive(clap::Args)]
pub struct ModelArgs {
    /// A GGUF file, a folder in Hugging Face format, or a model of the hub: owner/name, owner/name@revision,
    /// owner/name:file.gguf. The default is SmolLM2-135M-Instruct, downloaded once.
    #[arg(long, value_name = "PATH|ID")]
    pub model: Option<OsString>,
    /// A part of an adapter's name, or its number in `vitrine adapters`.
    #[arg(long, value_name = "NAME|INDEX")]
    pub adapter: Option<String>,
    /// Allow at most this many tokens in a sequence, fewer than the model allows.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub context: Option<u32>,
    #[command(flatten)]
    pub numbers: NumberArgs,
    /// Whether to use the measured tilings of the adapter, and to measure missing ones (a second, once). The default
    /// is that of VITRINE_TUNING.
    #[arg(long, value_name = "WHEN")]
    pub(crate) tuning: Option<TuningArg>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TuningArg {
    /// Use them and measure missing ones.
    Auto,
    /// Use them.
    Known,
    /// Use the defaults of the kind of adapter, so that the kernels are the same on all such adapters.
    Off,
}

/// The data types and weight formats.
#[derive(clap::Args)]
pub struct NumberArgs {
    /// Data type of activations, and of the KV cache unless --kv-dtype is given; sums are always f32.
    #[arg(long, value_name = "FORMAT", default_value = "f32")]
    pub dtype: DtypeArg,
    /// Data type of the KV cache: floats, or 8 bits with a scale per head and position.
    #[arg(long, value_name = "FORMAT")]
    pub kv_dtype: Option<KvDtypeArg>,
    /// Round activations to 8 bits with a scale per 32 wherever they are multiplied by quantised weights,
    /// as llama.cpp's q8_1: integer dot products, and slightly different results.
    #[arg(long, value_name = "FORMAT")]
    pub activations: Option<ActivationsArg>,
    /// Quantise the layers' weights of a float model while it is loaded: 8 bits with a scale per
    /// row, or 4 bits in groups of 32 or 128.
    #[arg(long, value_name = "FORMAT")]
    pub quantize: Option<QuantizeArg>,
    /// Quantise the embedding and the output head too.
    #[arg(long, requires = "quantize")]
    pub quantize_all: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum DtypeArg {
    F32,
    F16,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum KvDtypeArg {
    F32,
    F16,
    Q8,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum ActivationsArg {
    Q8,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum QuantizeArg {
    Q8,
    Q4,
    #[value(name = "q4-128")]
    Q4Group128,
}

impl ModelArgs {
    /// Whether to measure tilings.
    pub fn tuning(&self) -> TuningArg {
        let from_env = || std::env::var("VITRINE_TUNING").ok();
        let named = || from_env().and_then(|name| TuningArg::from_str(&name, true).ok());
        self.tuning.or_else(named).unwrap_or(TuningArg::Auto)
    }

    /// What a report of the model's files depends on.
    pub fn inspect_options(&self) -> InspectOptions {
        let options = self.load_options();
        InspectOptions {
            context: options.context,
            kv_dtype: options.kv_dtype(),
            quantization: options.quantization,
        }
    }

    /// Converts them to the engine's type.
    pub fn load_options(&self) -> LoadOptions {
        let NumberArgs {
            dtype,
            kv_dtype,
            activations,
            quantize,
            quantize_all,
        } = self.numbers;
        LoadOptions {
            context: self.context,
            dtype: match dtype {
                DtypeArg::F32 => Dtype::F32,
                DtypeArg::F16 => Dtype::F16,
            },
            kv_dtype: kv_dtype.map(|dtype| match dtype {
                KvDtypeArg::F32 => KvDtype::F32,
                KvDtypeArg::F16 => KvDtype::F16,
                KvDtypeArg::Q8 => KvDtype::Q8,
            }),
            quantization: Quantization {
                projections: quantize.map(|quantize| match quantize {
                    QuantizeArg::Q8 => Quantize::Q8,
                    QuantizeArg::Q4 => Quantize::Q4,
                    QuantizeArg::Q4Group128 => Quantize::Q4Group128,
                }),
                tables: quantize_all,
            },
            pack_activations: activations.is_some(),
            ..LoadOptions::default()
        }
    }
}

/// What to continue: text or token ids.
#[derive(clap::Args)]
#[command(group(ArgGroup::new("input").required(true).args(["prompt", "ids"])))]
pub struct PromptArgs {
    /// The text to continue.
    pub prompt: Option<String>,
    /// Token ids instead of text.
    #[arg(long, value_name = "ID,ID,…", value_delimiter = ',')]
    pub ids: Option<Vec<u32>>,
    /// Render the text as a user message with the model's chat template.
    #[arg(long, conflicts_with = "ids")]
    pub chat: bool,
}

impl PromptArgs {
    /// Converts it to the engine's type.
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
    /// Several prompts in one run, each after its own --prompt.
    #[arg(long = "prompt", value_name = "TEXT", group = "input")]
    pub prompts: Vec<String>,
    /// A file of prompts for one run, one per line.
    #[arg(long, value_name = "FILE", group = "input")]
    pub prompts_file: Option<PathBuf>,
    /// Run at most this many prompts at a time; the others wait.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=511))]
    pub batch: u32,
    /// Draw each token at random; the default is the most probable one.
    #[arg(long, help_heading = "Sampling")]
    pub sample: bool,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Recompute all keys and values at each step: the same tokens, but ever slower.
    #[arg(long, conflicts_with_all = ["prompts", "prompts_file"])]
    pub no_kv_cache: bool,
    #[command(flatten)]
    pub change: ChangeArgs,
    /// Write a recording file here, with a JSON line per token; with several prompts one file each, with its number
    /// before the extension.
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Looking inside")]
    pub packets: Option<PathBuf>,
    #[command(flatten)]
    pub packet: PacketArgs,
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
    /// Also print the probability and rank of this token.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["steps", "positions"])]
    pub token: Vec<String>,
    /// Draw the next token and show each step from the logits to the draw.
    #[arg(long, conflicts_with = "positions")]
    pub steps: bool,
    /// Show the prediction after each token of the prompt, and the surprisal of the actual next token.
    #[arg(long)]
    pub positions: bool,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Print one JSON object instead of bars.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
#[command(group(ArgGroup::new("what").required(true).args(["text", "decode"])))]
pub struct TokenizeArgs {
    /// The text to tokenize.
    pub text: Option<String>,
    /// Token ids to turn into text instead.
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    pub decode: Option<Vec<u32>>,
    /// Add the tokens that begin and end a text, if the model's files ask for them.
    #[arg(long, conflicts_with = "decode")]
    pub special: bool,
    /// A GGUF file, a tokenizer.json, a folder with one, or a model of the hub. The default is the default model.
    #[arg(long, value_name = "PATH|ID")]
    pub model: Option<OsString>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct InspectArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// A config.json instead of a model.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub config: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct BenchArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// A config.json: with --random-weights, the shape of a model without its files.
    #[arg(
        long,
        value_name = "FILE",
        requires = "random_weights",
        conflicts_with = "model"
    )]
    pub config: Option<PathBuf>,
    /// Use random weights: 16 bits, or as --quantize says.
    #[arg(long, requires = "config")]
    pub random_weights: bool,
    /// Lengths of prompts for prefill.
    #[arg(
        long,
        value_name = "N,N,…",
        value_delimiter = ',',
        default_value = "32,128,512"
    )]
    pub prefill: Vec<u32>,
    /// Positions that the cache holds when decoding is measured.
    #[arg(
        long,
        value_name = "N,N,…",
        value_delimiter = ',',
        default_value = "16,512,2048"
    )]
    pub at: Vec<u32>,
    /// Tokens to decode at each.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub new_tokens: u32,
    /// Repeat each measurement up to this often within three seconds, and take the median.
    #[arg(long, value_name = "N", default_value_t = BenchRequest::RUNS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// Numbers of sequences that decode together, at the first position of --at.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=511))]
    pub batch: Vec<u32>,
    /// Also measure decoding without a KV cache, where each token reads all earlier ones again.
    #[arg(long)]
    pub no_kv_cache: bool,
    /// Measure the cost of packets.
    #[arg(long)]
    pub packets: bool,
    /// Skip measurements that would take longer.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub budget: f64,
    /// Draw the time of each operation of a token, as an .svg or .png file.
    #[arg(long, value_name = "FILE", value_parser = picture_path)]
    pub svg: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct TuneArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Approximate time for each kind of pass: tokens, and prompts.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    pub budget: f64,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct AdaptersArgs {
    /// Print a JSON array instead of a table.
    #[arg(long)]
    pub json: bool,
}
