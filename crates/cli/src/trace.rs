//! `vitrine trace`.

use std::collections::HashMap;
use std::io::{self, Write};

use anyhow::anyhow;
use safetensors::{Dtype, serialize_to_file, tensor::TensorView};
use serde::Serialize;
use vitrine_engine::Tapped;
use vitrine_protocol::TraceRequest;

use crate::args::TraceArgs;
use crate::load;
use crate::memory::{allow, mebibytes};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    prompt_ids: Vec<u32>,
    file: String,
    bytes: u64,
    tensors: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
}

pub async fn run(args: TraceArgs) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let request = TraceRequest {
        prompt: args.prompt.into_prompt(),
        taps: args.taps,
        lens: None,
        interventions: Vec::new(),
    };
    let bytes = loaded.engine.trace_bytes(&request)?;
    allow(bytes, args.max_bytes)?;
    let trace = loaded.engine.trace(&request).await?;
    let prompt_ids: Vec<u32> = trace.prompt.iter().map(|piece| piece.id).collect();
    let metadata = HashMap::from([
        ("model".to_owned(), loaded.name.clone()),
        ("prompt_ids".to_owned(), serde_json::to_string(&prompt_ids)?),
        (
            "generator".to_owned(),
            concat!("vitrine ", env!("CARGO_PKG_VERSION")).to_owned(),
        ),
    ]);
    // Little-endian, as the format asks for.
    let contents: Vec<(&Tapped, Vec<u8>)> = trace
        .tensors
        .iter()
        .map(|tensor| {
            let values = tensor.values.iter();
            (
                tensor,
                values.flat_map(|value| value.to_le_bytes()).collect(),
            )
        })
        .collect();
    let views = contents
        .iter()
        .map(|(tensor, bytes)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?;
            Ok((tensor.tap.to_string(), view))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    serialize_to_file(views, Some(metadata), &args.out)
        .map_err(|error| anyhow!("{} cannot be written: {error}.", args.out.display()))?;

    let report = Report {
        model: &loaded.name,
        prompt_ids,
        file: args.out.display().to_string(),
        bytes,
        tensors: trace
            .tensors
            .iter()
            .map(|tensor| Entry {
                name: tensor.tap.to_string(),
                shape: tensor.shape.clone(),
            })
            .collect(),
    };
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    for Entry { name, shape } in &report.tensors {
        writeln!(out, "{name:<18} {shape:?}")?;
    }
    let count = report.tensors.len();
    writeln!(
        out,
        "{count} tensors, {}, in {}",
        mebibytes(bytes),
        report.file
    )?;
    Ok(())
}
