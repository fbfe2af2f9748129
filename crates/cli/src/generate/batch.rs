//! Several prompts in one run.

use std::io::{self, Write};

use serde::Serialize;
use vitrine_engine::{Observer, adapter_summary};
use vitrine_protocol::{
    BatchRequest, BatchSummary, FinishReason, GenerateRequest, GenerateSummary, Prompt,
    SamplingParams, TokenPiece, TokenStep,
};

use crate::args::GenerateArgs;
use crate::args::sampling::show_not_followed;
use crate::exit::WrongArgument;
use crate::load;
use crate::packets::{TraceFile, numbered};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    adapter: String,
    /// Maximum number of prompts that ran at a time.
    batch: u32,
    /// New tokens of all prompts.
    tokens: u64,
    seconds: f64,
    tokens_per_s: f64,
    load_s: f64,
    /// Of the first prompt; each further one has the next seed.
    sampling: &'a SamplingParams,
    results: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    prompt: &'a str,
    prompt_ids: &'a [u32],
    ids: &'a [u32],
    text: Option<&'a str>,
    finish_reason: FinishReason,
    time_to_first_token_s: f64,
}

/// The text of a file in UTF-8, or in UTF-16 with a byte order mark, without that mark.
fn text_of(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units = bytes
            .chunks(2)
            .map(|unit| Some(read(unit.try_into().ok()?)));
        String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, text @ ..] => String::from_utf8(text.to_vec()).ok(),
        [0xFF, 0xFE, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xFE, 0xFF, text @ ..] => utf16(text, u16::from_be_bytes),
        text => String::from_utf8(text.to_vec()).ok(),
    }
}

/// The prompts of a batch; `None` for a single prompt argument.
pub fn prompts(args: &GenerateArgs) -> anyhow::Result<Option<Vec<String>>> {
    let Some(path) = &args.prompts_file else {
        return Ok((!args.prompts.is_empty()).then(|| args.prompts.clone()));
    };
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        WrongArgument(format!("{name} cannot be read: {error}; check the path."))
    })?;
    let text = text_of(&bytes).ok_or_else(|| {
        WrongArgument(format!(
            "{name} is not text in UTF-8 or UTF-16: save it as UTF-8."
        ))
    })?;
    let prompts: Vec<String> = text.lines().map(str::to_owned).collect();
    if prompts.is_empty() {
        let words = format!("{name} is empty: write one prompt on each line.");
        return Err(WrongArgument(words).into());
    }
    Ok(Some(prompts))
}

pub async fn run(args: &GenerateArgs, prompts: Vec<String>) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let defaults = loaded.engine.sampling_defaults().clone();
    let sampling = args.sampling_params(&defaults);
    show_not_followed(args.not_followed(&defaults));
    let parts = super::parts(args, &loaded);
    let interventions = super::interventions(args, &loaded);
    let request = |(index, text): (u64, &String)| GenerateRequest {
        prompt: match args.prompt.chat {
            true => Prompt::Chat { user: text.clone() },
            false => Prompt::Text { text: text.clone() },
        },
        max_new_tokens: args.max_new_tokens,
        top: super::top(args),
        kv_cache: true,
        packet: parts,
        interventions: interventions.clone(),
        // Equal prompts should get different answers.
        sampling: SamplingParams {
            seed: sampling.seed.wrapping_add(index),
            ..sampling.clone()
        },
    };
    let request = BatchRequest {
        sequences: (0..).zip(&prompts).map(request).collect(),
        width: args.batch,
    };
    let adapter = adapter_summary(loaded.engine.gpu()).name;
    let traces = match &args.packets {
        Some(path) => (1..=prompts.len())
            .map(|number| TraceFile::create(&loaded.engine, parts, &numbered(path, number)))
            .collect::<Result<Vec<_>, _>>()?,
        None => Vec::new(),
    };
    let mut printer = Printer {
        prompts: &prompts,
        quiet: args.json,
        traces,
        failure: None,
    };
    let summary = loaded.engine.generate_batch(&request, &mut printer).await?;
    let Printer {
        traces, failure, ..
    } = printer;
    failure.map_or(Ok(()), Err)?;
    let written = traces.into_iter().zip(&summary.sequences);
    let written = written.map(|(trace, summary)| trace.finish(summary));
    let written: Vec<String> = written.collect::<Result<_, _>>()?;
    if args.json {
        let report = Report {
            model: &loaded.name,
            adapter,
            batch: summary.width,
            tokens: summary.tokens,
            seconds: summary.seconds,
            tokens_per_s: summary.tokens_per_s,
            load_s: loaded.load_s,
            sampling: &sampling,
            results: prompts.iter().zip(&summary.sequences).map(one).collect(),
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    args.sampling.show_seed(&sampling);
    let dim = anstyle::Style::new().dimmed();
    for line in [timings(&adapter, &summary)].iter().chain(&written) {
        anstream::eprintln!("{dim}{line}{dim:#}");
    }
    Ok(())
}

fn one<'a>((prompt, summary): (&'a String, &'a GenerateSummary)) -> One<'a> {
    One {
        prompt,
        prompt_ids: &summary.prompt_ids,
        ids: &summary.ids,
        text: summary.text.as_deref(),
        finish_reason: summary.finish_reason,
        time_to_first_token_s: summary.time_to_first_token_s,
    }
}

/// One line: adapter, prompts, and the throughput of all of them.
fn timings(adapter: &str, summary: &BatchSummary) -> String {
    format!(
        "{adapter} · {} prompts, {} at a time · {:.2} tok/s in all ({} new tokens in {:.2} s)",
        summary.sequences.len(),
        summary.width,
        summary.tokens_per_s,
        summary.tokens,
        summary.seconds,
    )
}

/// Writes each result under its prompt when it is complete, and packets as they arrive.
struct Printer<'a> {
    prompts: &'a [String],
    quiet: bool,
    /// One for each prompt, or none.
    traces: Vec<TraceFile>,
    failure: Option<io::Error>,
}

impl Printer<'_> {
    fn print(&self, index: usize, summary: &GenerateSummary) -> io::Result<()> {
        let bold = anstyle::Style::new().bold();
        let mut out = anstream::stdout().lock();
        writeln!(out, "{bold}{}. {}{bold:#}", index + 1, self.prompts[index])?;
        let text = summary.text.as_deref().unwrap_or_default();
        writeln!(out, "{}\n", text.trim_end())?;
        out.flush()
    }
}

impl Observer for Printer<'_> {
    fn prompt(&mut self, sequence: usize, tokens: &[TokenPiece]) {
        if let Some(trace) = self.traces.get_mut(sequence) {
            trace.prompt(0, tokens);
        }
    }

    fn token(&mut self, sequence: usize, step: &TokenStep) {
        if let Some(trace) = self.traces.get_mut(sequence) {
            trace.token(0, step);
        }
    }

    fn finished(&mut self, sequence: usize, summary: &GenerateSummary) {
        if self.quiet {
            return;
        }
        if let Err(error) = self.print(sequence, summary) {
            self.failure.get_or_insert(error);
        }
    }

    fn stop_requested(&mut self) -> bool {
        self.failure.is_some() || self.traces.iter_mut().any(Observer::stop_requested)
    }
}
