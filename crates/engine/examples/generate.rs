//! Continues a prompt greedily and prints each token as it is generated:
//!
//! `cargo run --release -p vitrine-engine --example generate -- MODEL "The capital of France is"`
//!
//! MODEL is a GGUF file or a folder in Hugging Face format.

use std::env;
use std::io::{Write, stdout};
use std::path::Path;

use anyhow::{Result, bail};
use vitrine_checkpoint::open_path;
use vitrine_engine::{Engine, LoadOptions, Observer};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_protocol::{
    GenerateRequest, PacketParts, Prompt, SamplingParams, TokenPiece, TokenStep,
};

/// Prints the text of tokens.
struct Printer;

impl Observer for Printer {
    fn prompt(&mut self, _sequence: usize, tokens: &[TokenPiece]) {
        println!("{} tokens in the prompt", tokens.len());
    }

    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        print!("{}", step.text);
        let _ = stdout().flush();
    }
}

async fn run(model: &str, prompt: &str) -> Result<()> {
    let gpu = Gpu::request(&AdapterSelector::Best).await?;
    let files = open_path(Path::new(model))?;
    let mut engine = Engine::load(gpu, &files, &LoadOptions::default(), &mut |_, _, _| ()).await?;
    let request = GenerateRequest {
        prompt: Prompt::Text {
            text: prompt.to_owned(),
        },
        max_new_tokens: 32,
        top: 0,
        kv_cache: true,
        packet: PacketParts::NONE,
        interventions: Vec::new(),
        sampling: SamplingParams::default(),
    };
    let summary = engine.generate(&request, &mut Printer).await?;
    println!();
    if let Some(speed) = summary.decode_tokens_per_s {
        println!("{speed:.1} tokens per second");
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, prompt] = arguments.as_slice() else {
        bail!("give two arguments: a model and a prompt");
    };
    pollster::block_on(run(model, prompt))
}
