//! `vitrine tune`.

use std::io::{self, IsTerminal, Write};

use anyhow::bail;
use vitrine_engine::Observer;
use vitrine_protocol::{ProjectionTimes, TuneRequest};

use crate::args::TuneArgs;
use crate::{load, tuning_file};

/// Shows the progress.
struct Told;

impl Observer for Told {
    fn progress(&mut self, done: u64, total: u64) {
        let mut stderr = io::stderr();
        if stderr.is_terminal() {
            let _ = writeln!(stderr, "measuring cut {} of at most {total}", done + 1);
        }
    }
}

pub async fn run(args: TuneArgs) -> anyhow::Result<()> {
    // Known tilings are ignored and measured again.
    let mut engine = load::load_untuned(&args.model).await?.engine;
    let request = TuneRequest {
        prompts: true,
        budget_s: args.budget,
    };
    let report = engine.tune(&request, &mut Told).await?;
    if report.kinds.is_empty() {
        bail!(
            "This adapter has no timestamps, without which cuts cannot be compared: the usual ones for \
             its kind are used; choose another adapter with --adapter."
        );
    }
    let kept = tuning_file::keep(&engine);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        writeln!(out, "{} ({})", report.adapter.name, report.adapter.driver)?;
        report
            .kinds
            .iter()
            .try_for_each(|kind| print(&mut out, kind))?;
    }
    match kept {
        Ok(path) => writeln!(io::stderr(), "kept in {}", path.display())?,
        Err(error) => writeln!(io::stderr(), "could not be kept for the next time: {error}")?,
    }
    Ok(())
}

fn print(out: &mut impl Write, kind: &ProjectionTimes) -> io::Result<()> {
    let ProjectionTimes {
        kind: what,
        matrices,
        tokens,
        cuts,
        best,
        complete,
    } = kind;
    let passed = match tokens {
        1 => String::new(),
        tokens => format!(" by {tokens} tokens"),
    };
    writeln!(out, "\n{what}: {matrices} of them{passed}")?;
    let usual = cuts.first().map_or(0.0, |cut| cut.seconds);
    let width = cuts.iter().map(|cut| cut.cut.chars().count()).max();
    let width = width.unwrap_or(0);
    for cut in cuts {
        let chosen = if cut.cut == *best { "→" } else { " " };
        writeln!(
            out,
            "{chosen} {:<width$}{:>10.3} ms{:>9.2} Gweights/s{:>7.2} ×",
            cut.cut,
            cut.seconds * 1e3,
            cut.weights_per_s / 1e9,
            usual / cut.seconds,
        )?;
    }
    if !complete {
        writeln!(out, "  there was no time for the others")?;
    }
    Ok(())
}
