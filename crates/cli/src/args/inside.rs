//! The arguments of the commands that look inside a model.

use std::path::PathBuf;

use crate::draw::picture_path;

use super::{ModelArgs, PromptArgs};

pub const RACE_EXAMPLES: &str = "\
Examples:
  vitrine race \"The capital of France is\" --max-new-tokens 100
  vitrine race \"Once upon a time\" --max-new-tokens 50 --svg race.svg";

#[derive(clap::Args)]
pub struct RaceArgs {
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Stop after this many new tokens.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_new_tokens: u32,
    /// Draw both curves: seconds of each step, and of all so far.
    #[arg(long, value_name = "FILE", value_parser = picture_path)]
    pub svg: Option<PathBuf>,
    /// Print one JSON object with every step instead of a table.
    #[arg(long)]
    pub json: bool,
}
