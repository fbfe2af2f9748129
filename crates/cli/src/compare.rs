//! `vitrine compare`.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use vitrine_checkpoint::open_path;
use vitrine_engine::{Comparison, Engine, check_formats};
use vitrine_inspect::{InspectOptions, inspect_files};
use vitrine_protocol::{CompareFormat, CompareReport, CompareRequest};

use crate::args::CompareArgs;
use crate::memory::{mebibytes, most_bytes};
use crate::{load, text};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report {
    model: String,
    #[serde(flatten)]
    report: CompareReport,
}

pub async fn run(args: CompareArgs) -> anyhow::Result<()> {
    refuse_quantised(&args).await?;
    let formats = args.formats.iter();
    let models: Vec<_> = formats
        .map(|format| (*format, args.model_in(*format)))
        .collect();
    let request = CompareRequest {
        prompt: args.prompt.into_prompt(),
        max_new_tokens: args.max_new_tokens,
        formats: args.formats.iter().map(|format| (*format).into()).collect(),
    };
    let mut comparison = Comparison::new(&request, most_bytes());
    let mut name = String::new();
    let mut last = None;
    for (format, model) in models {
        // Two models may not fit in memory.
        drop(last.take());
        let mut loaded = load::load(&model).await?;
        name.clone_from(&loaded.name);
        comparison.add(&mut loaded.engine, format.into()).await?;
        last = Some(loaded);
    }
    let report = comparison.report();
    if args.json {
        let report = Report {
            model: name,
            report,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    if let Some(loaded) = last {
        print(&report, &loaded.engine)?;
    }
    Ok(())
}

/// Formats without an effect are refused before anything is loaded.
async fn refuse_quantised(args: &CompareArgs) -> anyhow::Result<()> {
    if args
        .formats
        .iter()
        .all(|format| format.quantize().is_none())
    {
        return Ok(());
    }
    let located = load::locate(args.model.as_deref(), &load::whole_model)?;
    let files = open_path(&located.path)?;
    let report = inspect_files(&files, &InspectOptions::default()).await?;
    let formats: Vec<CompareFormat> = args.formats.iter().map(|it| (*it).into()).collect();
    Ok(check_formats(&formats, &report)?)
}

fn print(report: &CompareReport, engine: &Engine) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let rows = &report.formats;
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let red = AnsiColor::Red.on_default();
    writeln!(
        out,
        "{bold}{:<8} {:>11} {:>11} {:>9} {:>11} {:>11} {:>7} {:>11}{bold:#}",
        "format", "weights", "cache/token", "tok/s", "mean KL", "max KL", "top-1", "perplexity"
    )?;
    for row in rows {
        let speed = row.decode_tokens_per_s;
        writeln!(
            out,
            "{:<8} {:>11} {:>11} {:>9} {:>11.6} {:>11.6} {:>5.1} % {:>11.4}",
            row.format,
            mebibytes(row.weight_bytes),
            format!("{} KiB", row.kv_bytes_per_token >> 10),
            speed.map_or_else(|| "–".to_owned(), |speed| format!("{speed:.2}")),
            row.mean_kl,
            row.max_kl,
            row.top1_agreement * 100.0,
            row.perplexity
        )?;
    }
    let others = &rows[1..];
    if others.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    write!(out, "{bold}{:>8} {:<18}", "position", "token")?;
    for row in others {
        write!(out, " {:>12}", format!("KL {}", row.format))?;
    }
    writeln!(out, "{bold:#}")?;
    for (position, id) in report.ids.iter().enumerate() {
        let name = text::fit(&text::token(&engine.piece(*id)), 18);
        let style = if position < report.prompt_ids.len() {
            dim
        } else {
            Style::new()
        };
        write!(out, "{position:>8} {style}{name}{style:#}")?;
        for row in others {
            let at = &row.positions[position];
            let (style, mark) = match at.agrees {
                true => (Style::new(), ' '),
                false => (red, '≠'),
            };
            write!(out, " {style}{:>11.6}{mark}{style:#}", at.kl)?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "{dim}KL divergence of the next token from that of {}, in nats; ≠ where another token is \
         most probable; the prompt is dimmed.{dim:#}",
        rows[0].format
    )
}
