//! `vitrine trace --packets`: a generation as JSON lines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, anyhow};
use vitrine_engine::{Observer, adapter_summary};
use vitrine_protocol::{
    GenerateRequest, ModelSummary, PacketParts, Prompt, TokenPiece, TokenStep, TraceLine,
};

use crate::args::PartArg;
use crate::load::Loaded;

/// What to generate.
pub struct Generation {
    pub prompt: Prompt,
    pub parts: PacketParts,
    pub max_new_tokens: u32,
}

/// The set of the parts that were named; everything for none.
pub fn parts(named: &[PartArg]) -> PacketParts {
    let part = |part: &PartArg| match part {
        PartArg::Logits => PacketParts::LOGITS,
        PartArg::Heads => PacketParts::HEADS,
        PartArg::Residual => PacketParts::RESIDUAL,
        PartArg::Neurons => PacketParts::NEURONS,
        PartArg::Kv => PacketParts::KV,
        PartArg::Lens => PacketParts::LENS,
        PartArg::Timings => PacketParts::TIMINGS,
    };
    if named.is_empty() {
        return PacketParts::ALL;
    }
    let all = named.iter().map(part);
    all.fold(PacketParts::NONE, PacketParts::with)
}

/// Generates, and writes a line for each token while it comes.
pub async fn write(loaded: &mut Loaded, generation: Generation, path: &Path) -> anyhow::Result<()> {
    let mut parts = generation.parts;
    if parts.has(PacketParts::TIMINGS) && !loaded.engine.gpu().caps().timestamps {
        parts = parts.without(PacketParts::TIMINGS);
        anstream::eprintln!("packets have no timings: this adapter has no timestamps");
    }
    let request = GenerateRequest {
        prompt: generation.prompt,
        max_new_tokens: generation.max_new_tokens,
        top: 64,
        kv_cache: true,
        packet: parts,
        interventions: vec![],
        sampling: Default::default(),
    };
    let unwritable = || format!("{} cannot be written", path.display());
    let file = File::create(path).with_context(unwritable)?;
    let mut writer = Writer {
        model: loaded.engine.summary(),
        adapter: adapter_summary(loaded.engine.gpu()).name,
        parts,
        out: BufWriter::new(file),
        lines: 0,
        failure: None,
    };
    let summary = loaded.engine.generate(&request, &mut writer).await?;
    writer.line(&TraceLine::Summary { summary });
    let flushed = writer.out.flush();
    if let Some(error) = writer.failure.or(flushed.err()) {
        return Err(anyhow!(error).context(unwritable()));
    }
    writeln!(io::stdout(), "{} lines in {}", writer.lines, path.display())?;
    Ok(())
}

struct Writer {
    model: ModelSummary,
    adapter: String,
    parts: PacketParts,
    out: BufWriter<File>,
    lines: usize,
    failure: Option<io::Error>,
}

impl Writer {
    fn line(&mut self, line: &TraceLine) {
        if self.failure.is_none() {
            let text = serde_json::to_string(line).map_err(io::Error::from);
            let written = text.and_then(|text| writeln!(self.out, "{text}"));
            self.failure = written.err();
            self.lines += 1;
        }
    }
}

impl Observer for Writer {
    fn prompt(&mut self, tokens: &[TokenPiece]) {
        self.line(&TraceLine::Prompt {
            model: self.model.clone(),
            adapter: self.adapter.clone(),
            parts: self.parts,
            tokens: tokens.to_vec(),
        });
    }

    fn token(&mut self, step: &TokenStep) {
        let step = Box::new(step.clone());
        self.line(&TraceLine::Token { step });
    }

    fn stop_requested(&mut self) -> bool {
        self.failure.is_some()
    }
}
