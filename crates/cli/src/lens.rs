//! `vitrine lens`.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Style};
use serde::Serialize;
use vitrine_engine::Trace;
use vitrine_engine::measures::leads_from;
use vitrine_protocol::{Candidate, Distribution, TraceRequest};

use crate::args::LensArgs;
use crate::{load, text};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    prompt_ids: Vec<u32>,
    /// For each position, the first layer from which on the last layer's token leads.
    leads_from: Vec<usize>,
    /// (layers + 1, positions): the best tokens; the last row is the model's own answer.
    lens: Vec<Vec<Vec<Candidate>>>,
}

/// Cells of a column: a token and its probability.
const CELL: usize = 13;
/// Cells of the layers' names.
const NAMES: usize = 7;

pub async fn run(args: LensArgs) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let request = TraceRequest {
        prompt: args.prompt.into_prompt(),
        taps: Vec::new(),
        lens: Some(args.top),
        interventions: Vec::new(),
    };
    let trace = loaded.engine.trace(&request).await?;
    let leads: Vec<usize> = (0..trace.prompt.len())
        .map(|position| leads_from(&column(&trace, position)).unwrap_or_default())
        .collect();
    if args.json {
        let best = |distribution: &Distribution| {
            let top = distribution.top.iter().cloned();
            top.map(|mut candidate| {
                candidate.bytes.clear();
                candidate
            })
            .collect()
        };
        let report = Report {
            model: &loaded.name,
            prompt_ids: trace.prompt.iter().map(|piece| piece.id).collect(),
            leads_from: leads,
            lens: trace
                .lens
                .iter()
                .map(|layer| layer.iter().map(best).collect())
                .collect(),
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    print(&trace, &leads)?;
    Ok(())
}

/// The leading token of each layer at one position.
fn column(trace: &Trace, position: usize) -> Vec<u32> {
    let layers = trace.lens.iter();
    layers
        .filter_map(|layer| Some(layer.get(position)?.top.first()?.id))
        .collect()
}

fn print(trace: &Trace, leads: &[usize]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let first = text::first_shown(&mut out, trace.prompt.len(), NAMES, CELL + 1)?;
    let prompt = trace.prompt.iter().skip(first);
    write!(out, "{}", " ".repeat(NAMES))?;
    for piece in prompt {
        write!(
            out,
            " {bold}{}{bold:#}",
            text::fit(&text::bare(piece), CELL)
        )?;
    }
    writeln!(out)?;
    let last = trace.lens.len().saturating_sub(1);
    for (layer, row) in trace.lens.iter().enumerate() {
        let name = if layer == last {
            "output".to_owned()
        } else {
            format!("{layer}")
        };
        write!(out, "{dim}{name:>NAMES$}{dim:#}")?;
        for (position, distribution) in row.iter().enumerate().skip(first) {
            let Some(best) = distribution.top.first() else {
                continue;
            };
            let style = shade(best.probability);
            let style = if leads[position] == layer {
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
    let answer = trace.lens.last().and_then(|row| row.last());
    if let (Some(answer), Some(lead)) = (answer.and_then(|answer| answer.top.first()), leads.last())
    {
        let name = text::candidate(answer);
        let percent = answer.probability * 100.0;
        if *lead == last {
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
