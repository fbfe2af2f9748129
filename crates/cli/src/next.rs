//! `vitrine next`.

mod positions;
mod steps;

use std::io::{self, Write};

use serde::Serialize;
use vitrine_protocol::{Candidate, Distribution, NamedToken};

use crate::args::NextArgs;
use crate::args::sampling::show_not_followed;
use crate::load;
use crate::text::{self, bar, token};

/// Cells of the longest bar.
const BAR: u32 = 40;

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report {
    prompt_ids: Vec<u32>,
    top: Vec<Candidate>,
    rest_probability: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    named: Vec<NamedToken>,
}

pub async fn run(args: NextArgs) -> anyhow::Result<()> {
    let settings = &args.sampling;
    settings.check("--steps", args.steps, settings.first_given());
    let mut loaded = load::load(&args.model).await?;
    let engine = &mut loaded.engine;
    let prompt = args.prompt.into_prompt();
    let mut out = io::stdout();
    if args.steps {
        let params = settings.sampled(engine.sampling_defaults());
        show_not_followed(&engine.sampling_defaults().not_followed);
        let rows = match args.top {
            0 => u32::MAX,
            rows => rows,
        };
        let report = engine.steps(&prompt, &params, rows).await?;
        if args.json {
            return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?);
        }
        steps::print(&report)?;
        settings.show_seed(&report.params);
        return Ok(());
    }
    if args.positions {
        let report = engine.positions(&prompt, args.top.clamp(1, 64)).await?;
        if args.json {
            return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?);
        }
        return Ok(positions::print(&report)?);
    }
    let tokens = args.token.iter().map(|text| engine.token_named(text));
    let tokens = tokens.collect::<Result<Vec<u32>, _>>()?;
    let (prediction, named) = engine.next_and_named(&prompt, args.top, &tokens).await?;
    let mut distribution = prediction.distribution;
    if args.json {
        for candidate in &mut distribution.top {
            candidate.bytes.clear();
        }
        let report = Report {
            prompt_ids: prediction.prompt.iter().map(|piece| piece.id).collect(),
            top: distribution.top,
            rest_probability: distribution.rest_probability,
            named,
        };
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    print_bars(&distribution)?;
    for one in &named {
        writeln!(
            out,
            "{:>9.4} %  {} is number {} of {}, id {}, logit {:.4}",
            one.probability * 100.0,
            token(&one.piece),
            one.rank,
            distribution.top.len() as u32 + distribution.rest_count,
            one.piece.id,
            one.logit,
        )?;
    }
    Ok(())
}

fn print_bars(distribution: &Distribution) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let bold = anstyle::Style::new().bold();
    let blue = anstyle::AnsiColor::Blue.on_default();
    let longest = distribution
        .top
        .iter()
        .map(|candidate| candidate.probability)
        .fold(distribution.rest_probability, f64::max);
    for candidate in &distribution.top {
        let bar = bar(candidate.probability / longest, BAR);
        writeln!(
            out,
            "{bold}{:>9.4} %{bold:#}  {blue}{bar:<40}{blue:#}  {}  id {}  logit {:.4}",
            candidate.probability * 100.0,
            text::candidate(candidate),
            candidate.id,
            candidate.logit,
        )?;
    }
    if distribution.rest_count > 0 {
        let bar = bar(distribution.rest_probability / longest, BAR);
        writeln!(
            out,
            "{bold}{:>9.4} %{bold:#}  {bar:<40}  all {} other tokens",
            distribution.rest_probability * 100.0,
            distribution.rest_count,
        )?;
    }
    Ok(())
}
