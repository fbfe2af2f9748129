//! `vitrine lens`.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Style};
use serde::Serialize;
use vitrine_protocol::{Candidate, LensAnswer, LensCell, LensReport};

use crate::args::LensArgs;
use crate::{load, text};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    prompt_ids: Vec<u32>,
    /// For each position, the first layer from which on the last layer's token leads.
    leads_from: &'a [u32],
    /// (layers + 1, positions): the best tokens; the last row is the model's final prediction.
    lens: Vec<Vec<Vec<Candidate>>>,
    /// (layers + 1, positions): probability and rank of the final prediction in each layer.
    answers: Vec<Vec<LensAnswer>>,
}

/// Cells of a column: a token and its probability.
const CELL: usize = 13;
/// Cells of the layers' names.
const NAMES: usize = 7;

pub async fn run(args: LensArgs) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let prompt = args.prompt.into_prompt();
    let report = loaded.engine.lens(&prompt, args.top).await?;
    if args.json {
        let best = |cell: &LensCell| {
            let top = cell.top.iter().cloned();
            top.map(|mut candidate| {
                candidate.bytes.clear();
                candidate
            })
            .collect()
        };
        let report = Report {
            model: &loaded.name,
            prompt_ids: report.prompt.iter().map(|piece| piece.id).collect(),
            leads_from: &report.leads_from,
            lens: report
                .cells
                .iter()
                .map(|layer| layer.iter().map(best).collect())
                .collect(),
            answers: report
                .cells
                .iter()
                .map(|layer| layer.iter().map(|cell| cell.answer).collect())
                .collect(),
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    print(&report)?;
    Ok(())
}

fn print(report: &LensReport) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let first = text::first_shown(&mut out, report.prompt.len(), NAMES, CELL + 1)?;
    let prompt = report.prompt.iter().skip(first);
    write!(out, "{}", " ".repeat(NAMES))?;
    for piece in prompt {
        write!(
            out,
            " {bold}{}{bold:#}",
            text::fit(&text::bare(piece), CELL)
        )?;
    }
    writeln!(out)?;
    let last = report.cells.len().saturating_sub(1);
    for (layer, row) in report.cells.iter().enumerate() {
        let name = if layer == last {
            "output".to_owned()
        } else {
            format!("{layer}")
        };
        write!(out, "{dim}{name:>NAMES$}{dim:#}")?;
        for (cell, leads) in row.iter().zip(&report.leads_from).skip(first) {
            let Some(best) = cell.top.first() else {
                continue;
            };
            let style = shade(best.probability);
            let style = if *leads as usize == layer {
                style.bold().underline()
            } else {
                style
            };
            let name = text::fit(&text::bare_candidate(best), CELL - 5);
            let percent = (best.probability * 100.0).round();
            write!(out, " {style}{name}{percent:>4.0}%{style:#}")?;
        }
        writeln!(out)?;
    }
    let answer = report.cells.last().and_then(|row| row.last());
    if let (Some(answer), Some(lead)) = (
        answer.and_then(|answer| answer.top.first()),
        report.leads_from.last(),
    ) {
        let name = text::candidate(answer);
        let percent = answer.probability * 100.0;
        if *lead as usize == last {
            writeln!(
                out,
                "{bold}{name} ({percent:.1} %) leads only in the output.{bold:#}"
            )?;
        } else {
            writeln!(
                out,
                "{bold}{name} ({percent:.1} %) leads from layer {lead} on{bold:#}: the logit lens of \
                 the residual stream before that layer."
            )?;
        }
    }
    Ok(())
}

/// Darker for less probable tokens, on terminals.
fn shade(probability: f64) -> Style {
    // A ramp of the 256 colours from grey over blue to green.
    const RAMP: [u8; 6] = [240, 67, 74, 80, 84, 118];
    let step = (probability.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64).round() as usize;
    Style::new().fg_color(Some(Ansi256Color(RAMP[step]).into()))
}
