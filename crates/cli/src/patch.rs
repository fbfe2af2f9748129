//! `vitrine patch`.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Style};
use vitrine_protocol::{PatchReport, PatchRequest, PatchSite, Prompt};

use crate::ablate::progress;
use crate::args::{PatchArgs, SiteArg};
use crate::draw::{Heatmap, save};
use crate::exit::WrongArgument;
use crate::{load, text};

/// Cells of a column.
const CELL: usize = 7;
/// Cells of the layers' names.
const NAMES: usize = 7;

pub async fn run(args: PatchArgs) -> anyhow::Result<()> {
    if args.head.is_some() && args.site != SiteArg::Head {
        let words = "--head is about --site head: add that, or leave the head away.".to_owned();
        return Err(WrongArgument(words).into());
    }
    let mut loaded = load::load(&args.model).await?;
    let request = PatchRequest {
        clean: prompt(args.clean, args.clean_ids),
        corrupt: prompt(args.corrupt, args.corrupt_ids),
        site: args.site.into(),
        head: args.head,
        answer: args.answer,
        against: args.against,
    };
    let mut bar = progress("patching");
    let report = loaded.engine.patch(&request, &mut bar).await?;
    bar.0.finish_and_clear();
    let picture = Heatmap {
        title: format!(
            "How much of {} over {} {} restores",
            text::token(&report.answer),
            text::token(&report.against),
            source(&report)
        ),
        rows: (0..report.restored.len())
            .map(|layer| format!("layer {layer}"))
            .collect(),
        columns: report.corrupt.iter().map(text::bare).collect(),
        values: report.restored.clone(),
    };
    for path in args.svg.iter().chain(&args.png) {
        save(&picture, path)?;
    }
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report)?;
    }
    Ok(())
}

/// Description of the activation that was taken from the clean run.
fn source(report: &PatchReport) -> String {
    match (report.site, report.head) {
        (PatchSite::Residual, _) => "a clean residual stream".to_owned(),
        (PatchSite::Head, None) => "what all heads of a clean layer give".to_owned(),
        (PatchSite::Head, Some(head)) => format!("what head {head} of a clean layer gives"),
        (PatchSite::MlpOut, _) => "a clean MLP output".to_owned(),
    }
}

fn prompt(text: Option<String>, ids: Option<Vec<u32>>) -> Prompt {
    match ids {
        Some(ids) => Prompt::Ids { ids },
        None => Prompt::Text {
            text: text.unwrap_or_default(),
        },
    }
}

fn print(report: &PatchReport) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let first = text::first_shown(&mut out, report.corrupt.len(), NAMES, CELL + 1)?;
    for (name, prompt) in [("clean", &report.clean), ("corrupt", &report.corrupt)] {
        write!(out, "{dim}{}{dim:#}", text::fit(name, NAMES))?;
        for piece in prompt.iter().skip(first) {
            write!(
                out,
                " {bold}{}{bold:#}",
                text::fit(&text::bare(piece), CELL)
            )?;
        }
        writeln!(out)?;
    }
    for (layer, row) in report.restored.iter().enumerate() {
        write!(out, "{dim}{layer:>NAMES$}{dim:#}")?;
        for share in row.iter().skip(first) {
            let style = shade(*share);
            write!(out, " {style}{share:>CELL$.3}{style:#}")?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "{bold}Logit of {} minus logit of {}: {:.4} clean (1), {:.4} corrupt (0).{bold:#}",
        text::token(&report.answer),
        text::token(&report.against),
        report.clean_difference,
        report.corrupt_difference
    )
}

/// Blue for what restores, red for what harms, on terminals.
fn shade(share: f64) -> Style {
    const BLUE: [u8; 5] = [240, 60, 67, 74, 81];
    const RED: [u8; 5] = [240, 95, 131, 167, 203];
    let ramp = if share < 0.0 { RED } else { BLUE };
    let step = (share.abs().clamp(0.0, 1.0) * 4.0).round() as usize;
    Style::new().fg_color(Some(Ansi256Color(ramp[step]).into()))
}
