//! Generations as JSON lines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::{SecondsFormat, Utc};
use vitrine_engine::{Engine, Observer, adapter_summary};
use vitrine_protocol::{
    GenerateSummary, ModelSummary, PacketParts, TokenPiece, TokenStep, TraceLine,
};

use crate::args::{PacketArgs, PartArg};

/// Candidates of each token of a trace.
pub const TOP: u32 = 64;

/// The named parts that the adapter supports; all parts if none is named.
pub fn parts(args: &PacketArgs, engine: &Engine) -> PacketParts {
    let part = |part: &PartArg| match part {
        PartArg::Logits => PacketParts::LOGITS,
        PartArg::Heads => PacketParts::HEADS,
        PartArg::Residual => PacketParts::RESIDUAL,
        PartArg::Neurons => PacketParts::NEURONS,
        PartArg::Kv => PacketParts::KV,
        PartArg::Lens => PacketParts::LENS,
        PartArg::Timings => PacketParts::TIMINGS,
    };
    let parts = match &args.parts[..] {
        [] => PacketParts::ALL,
        named => named
            .iter()
            .map(part)
            .fold(PacketParts::NONE, PacketParts::with),
    };
    let parts = parts.with_lens_every(args.lens_every);
    let parts = match args.lens_paced {
        true => parts.with(PacketParts::LENS_PACED),
        false => parts,
    };
    if parts.has(PacketParts::TIMINGS) && !engine.gpu().caps().timestamps {
        anstream::eprintln!("packets have no timings: this adapter has no timestamps");
        return parts.without(PacketParts::TIMINGS);
    }
    parts
}

/// A recording file that is written token by token.
pub struct TraceFile {
    model: ModelSummary,
    adapter: String,
    parts: PacketParts,
    path: PathBuf,
    out: BufWriter<File>,
    lines: usize,
    failure: Option<io::Error>,
}

impl TraceFile {
    pub fn create(engine: &Engine, parts: PacketParts, path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| unwritable(path))?;
        Ok(Self {
            model: engine.summary(),
            adapter: adapter_summary(engine.gpu()).name,
            parts,
            path: path.to_owned(),
            out: BufWriter::new(file),
            lines: 0,
            failure: None,
        })
    }

    /// Writes the last line and returns a description of the file.
    pub fn finish(mut self, summary: &GenerateSummary) -> anyhow::Result<String> {
        self.line(&TraceLine::Summary(summary.clone()));
        let flushed = self.out.flush();
        if let Some(error) = self.failure.or(flushed.err()) {
            return Err(anyhow!(error).context(unwritable(&self.path)));
        }
        Ok(format!("{} lines in {}", self.lines, self.path.display()))
    }

    fn line(&mut self, line: &TraceLine) {
        if self.failure.is_none() {
            let text = serde_json::to_string(line).map_err(io::Error::from);
            let written = text.and_then(|text| writeln!(self.out, "{text}"));
            self.failure = written.err();
            self.lines += 1;
        }
    }
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

/// The file of one of several prompts, numbered from 1: `trace.jsonl` becomes `trace.1.jsonl`.
pub fn numbered(path: &Path, number: usize) -> PathBuf {
    let number = match path.extension() {
        Some(extension) => format!("{number}.{}", extension.display()),
        None => number.to_string(),
    };
    path.with_extension(number)
}

impl Observer for TraceFile {
    fn prompt(&mut self, _sequence: usize, tokens: &[TokenPiece]) {
        self.line(&TraceLine::Prompt {
            model: self.model.clone(),
            adapter: self.adapter.clone(),
            recorded: Some(Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)),
            parts: self.parts,
            tokens: tokens.to_vec(),
        });
    }

    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        self.line(&TraceLine::Token(Box::new(step.clone())));
    }

    fn stop_requested(&mut self) -> bool {
        self.failure.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_several_prompts_are_numbered_before_the_ending() {
        let named = |path: &str| numbered(Path::new(path), 2).display().to_string();
        assert_eq!(named("out/trace.jsonl"), "out/trace.2.jsonl");
        assert_eq!(named("a.b.jsonl"), "a.b.2.jsonl");
        assert_eq!(named("trace"), "trace.2");
    }
}
