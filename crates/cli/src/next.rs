//! `vitrine next`.

use std::io::{self, Write};

use serde::Serialize;
use vitrine_protocol::{Candidate, Distribution};

use crate::args::NextArgs;
use crate::load;
use crate::text::bar;

/// Cells of the longest bar.
const BAR: u32 = 40;

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report {
    prompt_ids: Vec<u32>,
    top: Vec<Candidate>,
    rest_probability: f64,
}

pub async fn run(args: NextArgs) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let prediction = loaded
        .engine
        .next(&args.prompt.into_prompt(), args.top)
        .await?;
    let mut distribution = prediction.distribution;
    if args.json {
        for candidate in &mut distribution.top {
            candidate.bytes.clear();
        }
        let report = Report {
            prompt_ids: prediction.prompt.iter().map(|piece| piece.id).collect(),
            top: distribution.top,
            rest_probability: distribution.rest_probability,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    print_bars(&distribution)?;
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
            name(candidate),
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

/// The token in quotes, with spaces and line breaks visible; its bytes where it is only part of a
/// character.
fn name(candidate: &Candidate) -> String {
    match &candidate.token {
        None => "(no tokenizer)".to_owned(),
        Some(_) if std::str::from_utf8(&candidate.bytes).is_err() => {
            let bytes: Vec<String> = candidate
                .bytes
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect();
            format!("<{}>", bytes.join(" "))
        }
        Some(text) => format!("{text:?}"),
    }
}
