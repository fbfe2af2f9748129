//! Reads the attention matrix of a head and prints, for each token, the token that it attends to most:
//!
//! `cargo run --release -p vitrine-engine --example attention -- MODEL "one two three one two" 5 3`
//!
//! MODEL is a GGUF file or a folder in Hugging Face format; the numbers are the layer and the query head, from 0.

use std::env;
use std::path::Path;

use anyhow::{Context, Result, bail};
use vitrine_checkpoint::open_path;
use vitrine_engine::{Engine, LoadOptions, Tap};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_protocol::{Prompt, TraceRequest};

async fn run(model: &str, prompt: &str, layer: u32, head: usize) -> Result<()> {
    let gpu = Gpu::request(&AdapterSelector::Best).await?;
    let files = open_path(Path::new(model))?;
    let mut engine = Engine::load(gpu, &files, &LoadOptions::default(), &mut |_, _, _| ()).await?;
    let request = TraceRequest {
        prompt: Prompt::Text {
            text: prompt.to_owned(),
        },
        taps: vec![format!("attentions.{layer}")],
        lens: None,
        interventions: Vec::new(),
    };
    let trace = engine.trace(&request).await?;
    let attention = trace
        .get(Tap::Attentions(layer))
        .context("there is no such layer")?;
    // (heads, positions, positions): each row is the distribution of one query over the keys.
    let [_, positions, _] = attention.shape[..] else {
        bail!("the tensor has an unexpected shape");
    };
    let matrix = attention.values.chunks(positions * positions).nth(head);
    let matrix = matrix.context("there is no such head")?;
    let text = |position: usize| trace.prompt[position].token.clone().unwrap_or_default();
    for (query, row) in matrix.chunks(positions).enumerate() {
        let best = (0..positions).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        let key = best.unwrap_or_default();
        println!("{:>16} → {:<16} {:.3}", text(query), text(key), row[key]);
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, prompt, layer, head] = arguments.as_slice() else {
        bail!("give four arguments: a model, a prompt, a layer and a head");
    };
    let layer = layer.parse().context("the layer is not a number")?;
    let head = head.parse().context("the head is not a number")?;
    pollster::block_on(run(model, prompt, layer, head))
}
