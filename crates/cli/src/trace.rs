//! `vitrine trace`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use anyhow::anyhow;
use safetensors::{Dtype, View, serialize_to_file};
use serde::Serialize;
use vitrine_engine::Tapped;
use vitrine_protocol::{GenerateRequest, TraceRequest};

use crate::args::TraceArgs;
use crate::load;
use crate::memory::{allow, mebibytes};
use crate::packets::{self, TraceFile};

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

/// A tensor that is written to a file.
struct Floats<'a>(&'a Tapped);

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = self.0.values.iter();
        values.flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        self.0.values.len() * size_of::<f32>()
    }
}

pub async fn run(mut args: TraceArgs) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let prompt = args.prompt.into_prompt();
    if let Some(path) = &args.packets {
        let parts = packets::parts(&args.packet, &loaded.engine);
        let request = GenerateRequest {
            prompt: prompt.clone(),
            max_new_tokens: args.max_new_tokens,
            top: packets::TOP,
            kv_cache: true,
            packet: parts,
            interventions: vec![],
            sampling: Default::default(),
        };
        let mut file = TraceFile::create(&loaded.engine, parts, path)?;
        let summary = loaded.engine.generate(&request, &mut file).await?;
        writeln!(io::stdout(), "{}", file.finish(&summary)?)?;
    }
    let Some(file) = args.out.take() else {
        return Ok(());
    };
    let request = TraceRequest {
        prompt,
        taps: args.taps,
        lens: None,
        interventions: Vec::new(),
    };
    let bytes = loaded.engine.trace_bytes(&request).await?;
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
    let named = trace
        .tensors
        .iter()
        .map(|it| (it.tap.to_string(), Floats(it)));
    serialize_to_file(named, Some(metadata), &file)
        .map_err(|error| anyhow!("{} cannot be written: {error}.", file.display()))?;

    let report = Report {
        model: &loaded.name,
        prompt_ids,
        file: file.display().to_string(),
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
