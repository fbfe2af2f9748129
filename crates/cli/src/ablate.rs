//! `vitrine ablate`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use vitrine_engine::Observer;
use vitrine_protocol::{AblationReport, Distribution, Intervention, Prompt, SweepReport};

use crate::args::{AblateArgs, HeadArg};
use crate::load::{self, Loaded};
use crate::text;

/// Cells of the longest bar.
const BAR: u32 = 30;

pub async fn run(args: AblateArgs) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let named = Named {
        heads: &args.heads,
        mean: args.mean,
        skip_attention: &args.skip_attention,
        skip_mlp: &args.skip_mlp,
    };
    let interventions = named.interventions(&loaded);
    let prompt = args.prompt.into_prompt();
    if args.sweep {
        return sweep(&mut loaded, &prompt, args.mean, args.top, args.json).await;
    }
    let report = loaded
        .engine
        .ablate(&prompt, &interventions, args.top)
        .await?;
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report)?;
    }
    Ok(())
}

/// The interventions that the arguments name.
pub struct Named<'a> {
    pub heads: &'a [HeadArg],
    /// Whether heads output their mean instead of zero.
    pub mean: bool,
    pub skip_attention: &'a [u32],
    pub skip_mlp: &'a [u32],
}

impl Named<'_> {
    /// Converts them to the engine's type.
    pub fn interventions(&self, loaded: &Loaded) -> Vec<Intervention> {
        let num_heads = loaded.engine.summary().num_attention_heads;
        // A head that is named twice is ablated only once.
        let heads: BTreeSet<(u32, u32)> = self
            .heads
            .iter()
            .flat_map(|each| {
                let heads = match each.head {
                    Some(head) => head..=head,
                    None => 0..=num_heads - 1,
                };
                heads.map(|head| (each.layer, head))
            })
            .collect();
        let heads = heads.into_iter().map(|(layer, head)| Intervention::Head {
            layer,
            head,
            factor: 0.0,
            mean: self.mean,
        });
        let attention = self.skip_attention.iter();
        let mlp = self.skip_mlp.iter();
        heads
            .chain(attention.map(|layer| Intervention::SkipAttention { layer: *layer }))
            .chain(mlp.map(|layer| Intervention::SkipMlp { layer: *layer }))
            .collect()
    }
}

fn print(report: &AblationReport) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let bold = Style::new().bold();
    let longest = |distribution: &Distribution| {
        let best = distribution.top.first();
        best.map_or(0.0, |best| best.probability)
    };
    let longest = longest(&report.before).max(longest(&report.after));
    for (name, distribution, colour) in [
        ("before", &report.before, AnsiColor::Blue.on_default()),
        ("after", &report.after, AnsiColor::Red.on_default()),
    ] {
        writeln!(out, "{bold}{name}{bold:#}")?;
        for candidate in &distribution.top {
            writeln!(
                out,
                "{:>9.4} %  {colour}{:<30}{colour:#}  {}",
                candidate.probability * 100.0,
                text::bar(candidate.probability / longest, BAR),
                text::candidate(candidate)
            )?;
        }
    }
    writeln!(out, "{bold}moved most{bold:#}")?;
    for moved in &report.moved {
        writeln!(
            out,
            "{:>9.4} % → {:>8.4} %  {:+9.4}  {}",
            moved.before * 100.0,
            moved.after * 100.0,
            (moved.after - moved.before) * 100.0,
            text::token(&moved.piece)
        )?;
    }
    writeln!(
        out,
        "{bold}KL(before ‖ after) = {:.6} nats{bold:#}",
        report.kl
    )
}

/// Shows the progress of an answer, if standard error is a terminal.
pub struct Progress(pub ProgressBar);

impl Observer for Progress {
    fn progress(&mut self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

/// A progress bar, hidden unless standard error is a terminal.
pub fn progress(what: &'static str) -> Progress {
    let bar = ProgressBar::new(0).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    Progress(bar)
}

async fn sweep(
    loaded: &mut Loaded,
    prompt: &Prompt,
    mean: bool,
    top: u32,
    json: bool,
) -> anyhow::Result<()> {
    let mut bar = progress("ablating heads");
    let report = loaded.engine.sweep(prompt, mean, &mut bar).await?;
    bar.0.finish_and_clear();
    if json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print_sweep(&report, top)?;
    }
    Ok(())
}

fn print_sweep(report: &SweepReport, top: u32) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (bold, red) = (Style::new().bold(), AnsiColor::Red.on_default());
    let (name, whole) = report.answer.as_ref().map_or_else(
        || (String::new(), 0.0),
        |answer| (text::candidate(answer), answer.probability),
    );
    writeln!(
        out,
        "{bold}{:>7}  {:>9}  {:<30}  {name} was {:.2} %{bold:#}",
        "head",
        "KL (nats)",
        "",
        whole * 100.0
    )?;
    let most = report.heads.first().map_or(0.0, |head| head.kl);
    for effect in report.heads.iter().take(top as usize) {
        let head = format!("{}.{}", effect.layer, effect.head);
        let share = if most > 0.0 { effect.kl / most } else { 0.0 };
        writeln!(
            out,
            "{head:>7}  {:>9.6}  {red}{:<30}{red:#}  {:.2} %",
            effect.kl,
            text::bar(share, BAR),
            effect.answer_probability * 100.0
        )?;
    }
    Ok(())
}
