//! The arguments of the inspection commands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, ArgGroup};
use vitrine_protocol::{CompareFormat, PatchSite};

use super::{ActivationsArg, DtypeArg, KvDtypeArg, ModelArgs, NumberArgs, PromptArgs, QuantizeArg};
use crate::draw::picture_path;

pub const RACE_EXAMPLES: &str = "\
Examples:
  vitrine race \"The capital of France is\" --max-new-tokens 100
  vitrine race \"Once upon a time\" --max-new-tokens 50 --svg race.svg";

pub const COMPARE_EXAMPLES: &str = "\
Examples:
  vitrine compare \"The capital of Japan is\" --formats f32,f16
  vitrine compare \"The capital of Japan is\" --model bf16-folder --formats f32,f16,q8,q4,q4-128";

pub const TRACE_EXAMPLES: &str = "\
Examples:
  vitrine trace \"The capital of Japan is\" --tap hidden_states,attentions,logits --out trace.safetensors
  vitrine trace --ids 504,3575,282 --tap q.3,k.3,mlp_act.29 --out trace.safetensors

Taps, of every layer where no number stands behind them (layers count from 0):
  embedding          [positions, hidden]
  hidden_states      [positions, hidden]: before layer l; the last after the final norm
  q, k, v            [heads, positions, head_dim]: q and k after RoPE; k and v as the cache has them
  q_proj, k_proj     [heads, positions, head_dim]: before RoPE, after q_norm and k_norm
  attentions         [heads, positions, positions]: probabilities
  head_out           [positions, heads, head_dim]: what o_proj reads
  attn_out, mlp_out  [positions, hidden]: what is added to the residual stream
  mlp_act            [positions, intermediate]: what down_proj reads
  lens               [positions, vocab]: final norm and output head on hidden_states
  logits             [positions, vocab]";

pub const LENS_EXAMPLES: &str = "\
Examples:
  vitrine lens \"The capital of Japan is\"
  vitrine lens --chat \"What is the capital of Japan?\" --top 5 --json";

pub const ATTENTION_EXAMPLES: &str = "\
Examples:
  vitrine attention \"The capital of Japan is\" --layer 5 --head 3
  vitrine attention \"The cat sat. The cat\" --layer 5 --head 3 --svg head.svg --png head.png
  vitrine attention \"The cat sat. The cat\" --summary";

pub const ABLATE_EXAMPLES: &str = "\
Examples:
  vitrine ablate \"The capital of Japan is\" --head 5.3 --head '7.*'
  vitrine ablate \"The capital of Japan is\" --head 5.3 --mean
  vitrine ablate \"The capital of Japan is\" --skip-attention 20 --skip-mlp 20
  vitrine ablate \"The capital of Japan is\" --sweep";

pub const PATCH_EXAMPLES: &str = "\
Examples:
  vitrine patch --clean \"The capital of Japan is\" --corrupt \"The capital of France is\"
  vitrine patch --clean \"The capital of Japan is\" --corrupt \"The capital of France is\" --site head --head 4
  vitrine patch --clean-ids 1,2,3 --corrupt-ids 1,4,3 --site mlp --json";

#[derive(clap::Args)]
pub struct RaceArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Stop after this many new tokens.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_new_tokens: u32,
    /// Draw two charts: the seconds of each step, and the total so far.
    #[arg(long, value_name = "FILE", value_parser = picture_path)]
    pub svg: Option<PathBuf>,
    /// Print one JSON object with every step instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct CompareArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    /// A GGUF file, a folder in Hugging Face format, or a model of the hub, as for other commands.
    #[arg(long, value_name = "PATH|ID")]
    pub model: Option<OsString>,
    /// A part of an adapter's name, or its number in `vitrine adapters`.
    #[arg(long, value_name = "NAME|INDEX")]
    pub adapter: Option<String>,
    /// Data type of activations and of the KV cache with quantised weights.
    #[arg(long, value_name = "FORMAT", default_value = "f32")]
    pub dtype: DtypeArg,
    /// With quantised weights, quantise the embedding and the output head too.
    #[arg(long)]
    pub quantize_all: bool,
    /// What to compare, the reference first: f32 and f16 are formats of activations and KV cache; kv-q8 is an 8-bit
    /// KV cache; a8 is `--activations q8`; q8, q4 and q4-128 quantise the layers' weights of a float model. The model
    /// is loaded once per format.
    #[arg(
        long,
        value_name = "FORMAT,…",
        value_delimiter = ',',
        default_value = "f32,f16"
    )]
    pub formats: Vec<FormatArg>,
    /// Compare on the prompt and this many tokens that the first format generates.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub max_new_tokens: u32,
    /// Print one JSON object with every position instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl CompareArgs {
    /// The model in one of the formats.
    pub fn model_in(&self, format: FormatArg) -> ModelArgs {
        let quantize = format.quantize();
        ModelArgs {
            model: self.model.clone(),
            adapter: self.adapter.clone(),
            context: None,
            numbers: NumberArgs {
                dtype: match format {
                    FormatArg::F32 => DtypeArg::F32,
                    FormatArg::F16 => DtypeArg::F16,
                    _ => self.dtype,
                },
                kv_dtype: (format == FormatArg::KvQ8).then_some(KvDtypeArg::Q8),
                activations: (format == FormatArg::A8).then_some(ActivationsArg::Q8),
                quantize,
                quantize_all: self.quantize_all && quantize.is_some(),
            },
            tuning: None,
        }
    }
}

/// A format to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FormatArg {
    F32,
    F16,
    KvQ8,
    A8,
    Q8,
    Q4,
    #[value(name = "q4-128")]
    Q4Group128,
}

impl FormatArg {
    /// How it quantises weights, if it does.
    pub fn quantize(self) -> Option<QuantizeArg> {
        match self {
            Self::F32 | Self::F16 | Self::KvQ8 | Self::A8 => None,
            Self::Q8 => Some(QuantizeArg::Q8),
            Self::Q4 => Some(QuantizeArg::Q4),
            Self::Q4Group128 => Some(QuantizeArg::Q4Group128),
        }
    }
}

impl From<FormatArg> for CompareFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::F32 => Self::F32,
            FormatArg::F16 => Self::F16,
            FormatArg::KvQ8 => Self::KvQ8,
            FormatArg::A8 => Self::A8,
            FormatArg::Q8 => Self::Q8,
            FormatArg::Q4 => Self::Q4,
            FormatArg::Q4Group128 => Self::Q4Group128,
        }
    }
}

/// A part of a packet.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum PartArg {
    Logits,
    Heads,
    Residual,
    Neurons,
    Kv,
    Lens,
    Timings,
}

/// The parts of packets.
#[derive(clap::Args)]
#[command(next_help_heading = "Looking inside")]
pub struct PacketArgs {
    /// The parts of packets; the default is all.
    #[arg(
        long,
        value_name = "PART,…",
        value_delimiter = ',',
        requires = "packets"
    )]
    pub parts: Vec<PartArg>,
    /// The logit lens of only every N-th layer, from layer 0; it is the most expensive part.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "packets", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub lens_every: u32,
    /// The logit lens of only as many tokens as slow generation by at most 15 %.
    #[arg(long, requires = "packets")]
    pub lens_paced: bool,
}

#[derive(clap::Args)]
pub struct TraceArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// The tensors to write.
    #[arg(
        long = "tap",
        value_name = "TAP,…",
        value_delimiter = ',',
        required_unless_present = "packets",
        requires = "out"
    )]
    pub taps: Vec<String>,
    /// Where to write them.
    #[arg(long, value_name = "FILE.safetensors", requires = "taps")]
    pub out: Option<PathBuf>,
    /// Generate, and write a recording file here, with a JSON line per token.
    #[arg(long, value_name = "FILE.jsonl")]
    pub packets: Option<PathBuf>,
    #[command(flatten)]
    pub packet: PacketArgs,
    /// How many tokens to generate with packets.
    #[arg(long, default_value_t = 32, value_name = "N", requires = "packets")]
    pub max_new_tokens: u32,
    /// Refuse traces of more bytes; the default is half of the free memory.
    #[arg(long, value_name = "BYTES")]
    pub max_bytes: Option<u64>,
    /// Print one JSON object with the names and shapes instead of a list.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct LensArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// How many candidates `--json` lists for each layer and position.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub top: u32,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
#[command(group(ArgGroup::new("which").required(true).args(["layer", "summary"])))]
pub struct AttentionArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// The layer, from 0.
    #[arg(long, value_name = "L", requires = "head")]
    pub layer: Option<u32>,
    /// The query head, from 0.
    #[arg(long, value_name = "H", requires = "layer")]
    pub head: Option<u32>,
    /// Rank all heads by entropy, and by their attention to the previous token, to the first token, and to the token
    /// that followed an earlier occurrence (induction).
    #[arg(long)]
    pub summary: bool,
    /// Draw the matrix.
    #[arg(long, value_name = "FILE", value_parser = picture_path, conflicts_with = "summary")]
    pub svg: Option<PathBuf>,
    /// Draw the matrix as pixels; non-Latin letters are shown as ?.
    #[arg(long, value_name = "FILE", value_parser = picture_path, conflicts_with = "summary")]
    pub png: Option<PathBuf>,
    /// Print one JSON object instead of a drawing.
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(["heads", "skip_attention", "skip_mlp", "sweep"])))]
pub struct AblateArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// A head whose output becomes zero, or all heads of a layer; may be repeated.
    #[arg(long = "head", value_name = "LAYER.HEAD|LAYER.*", action = ArgAction::Append)]
    pub heads: Vec<HeadArg>,
    /// Use a head's mean over the positions of the prompt instead of zero.
    #[arg(long)]
    pub mean: bool,
    /// A layer whose attention adds nothing; may be repeated.
    #[arg(long, value_name = "L", action = ArgAction::Append)]
    pub skip_attention: Vec<u32>,
    /// A layer whose MLP adds nothing; may be repeated.
    #[arg(long, value_name = "L", action = ArgAction::Append)]
    pub skip_mlp: Vec<u32>,
    /// Ablate each head in turn, and rank them.
    #[arg(long, conflicts_with_all = ["heads", "skip_attention", "skip_mlp"])]
    pub sweep: bool,
    /// How many tokens or heads to list.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,
    /// Print one JSON object instead of bars.
    #[arg(long)]
    pub json: bool,
}

/// Interventions while tokens are generated.
#[derive(clap::Args)]
#[command(next_help_heading = "Interventions")]
pub struct ChangeArgs {
    /// A head whose output becomes zero, or all heads of a layer; may be repeated.
    #[arg(long, value_name = "LAYER.HEAD|LAYER.*", action = ArgAction::Append)]
    pub ablate: Vec<HeadArg>,
    /// Use a head's mean over the positions of the prompt instead of zero.
    #[arg(long, requires = "ablate")]
    pub ablate_mean: bool,
    /// A layer whose attention adds nothing; may be repeated.
    #[arg(long, value_name = "L", action = ArgAction::Append)]
    pub skip_attention: Vec<u32>,
    /// A layer whose MLP adds nothing; may be repeated.
    #[arg(long, value_name = "L", action = ArgAction::Append)]
    pub skip_mlp: Vec<u32>,
}

/// `5.3`, or `5.*` for all heads of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadArg {
    pub layer: u32,
    pub head: Option<u32>,
}

impl std::str::FromStr for HeadArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (layer, head) = text.split_once('.')?;
            let layer = layer.parse().ok()?;
            let head = match head {
                "*" => None,
                number => Some(number.parse().ok()?),
            };
            Some(Self { layer, head })
        };
        parse()
            .ok_or_else(|| "write LAYER.HEAD as in 5.3, or 5.* for all heads of a layer".to_owned())
    }
}

#[derive(clap::Args)]
#[command(group(ArgGroup::new("clean-prompt").required(true).args(["clean", "clean_ids"])))]
#[command(group(ArgGroup::new("corrupt-prompt").required(true).args(["corrupt", "corrupt_ids"])))]
pub struct PatchArgs {
    /// The clean prompt.
    #[arg(long, value_name = "TEXT")]
    pub clean: Option<String>,
    /// Its token ids instead of text.
    #[arg(long, value_name = "ID,ID,…", value_delimiter = ',')]
    pub clean_ids: Option<Vec<u32>>,
    /// The corrupt prompt: as many tokens, with another answer.
    #[arg(long, value_name = "TEXT")]
    pub corrupt: Option<String>,
    /// Its token ids instead of text.
    #[arg(long, value_name = "ID,ID,…", value_delimiter = ',')]
    pub corrupt_ids: Option<Vec<u32>>,
    #[command(flatten)]
    pub model: ModelArgs,
    /// The activation taken from the clean run: the residual stream before a layer, the outputs of its heads, or the
    /// output of its MLP.
    #[arg(long, value_name = "SITE", default_value = "residual")]
    pub site: SiteArg,
    /// With --site head: only this query head of each layer, from 0; the default is all heads of a layer together.
    #[arg(long, value_name = "H")]
    pub head: Option<u32>,
    /// Id of the clean answer; the default is the clean run's most probable token.
    #[arg(long, value_name = "ID")]
    pub answer: Option<u32>,
    /// Id of the corrupt answer; the default is the corrupt run's most probable token.
    #[arg(long, value_name = "ID")]
    pub against: Option<u32>,
    /// Draw the map.
    #[arg(long, value_name = "FILE", value_parser = picture_path)]
    pub svg: Option<PathBuf>,
    /// Draw the map as pixels; non-Latin letters are shown as ?.
    #[arg(long, value_name = "FILE", value_parser = picture_path)]
    pub png: Option<PathBuf>,
    /// Print one JSON object instead of a map.
    #[arg(long)]
    pub json: bool,
}

/// What a patch replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SiteArg {
    Residual,
    Head,
    Mlp,
}

impl From<SiteArg> for PatchSite {
    fn from(site: SiteArg) -> Self {
        match site {
            SiteArg::Residual => Self::Residual,
            SiteArg::Head => Self::Head,
            SiteArg::Mlp => Self::MlpOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HeadArg;

    #[test]
    fn heads_are_read_one_by_one_or_by_layer() {
        let head = |layer, head| Ok(HeadArg { layer, head });
        assert_eq!("5.3".parse::<HeadArg>(), head(5, Some(3)));
        assert_eq!("7.*".parse::<HeadArg>(), head(7, None));
        for wrong in ["", "5", "5.", ".3", "*.3", "5.3.1", "-1.0", "a.b"] {
            assert!(wrong.parse::<HeadArg>().is_err(), "{wrong}");
        }
    }
}
