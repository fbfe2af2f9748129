//! `vitrine race`.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use vitrine_engine::{Observer, adapter_summary};
use vitrine_protocol::{AnswerPart, RaceLane, RaceReport, RaceStep};

use crate::args::RaceArgs;
use crate::draw::{Chart, Curve, save};
use crate::load;

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    adapter: &'a str,
    #[serde(flatten)]
    race: &'a RaceReport,
}

/// Shows the running generation and its progress.
struct Lanes<'a>(&'a ProgressBar);

impl Observer for Lanes<'_> {
    fn part(&mut self, part: AnswerPart) {
        if let AnswerPart::Raced { kv_cache, .. } = part {
            self.0.set_message(match kv_cache {
                true => "with the KV cache   ",
                false => "without the KV cache",
            });
        }
    }

    fn progress(&mut self, done: u64, _total: u64) {
        self.0.set_position(done);
    }
}

pub async fn run(args: RaceArgs) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let prompt = args.prompt.into_prompt();
    // Hidden unless standard error is a terminal.
    let bar = ProgressBar::new(2 * u64::from(args.max_new_tokens));
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let race = loaded
        .engine
        .race(&prompt, args.max_new_tokens, &mut Lanes(&bar))
        .await?;
    bar.finish_and_clear();
    let adapter = adapter_summary(loaded.engine.gpu()).name;
    if let Some(path) = &args.svg {
        save(&charts(&race, &loaded.engine.summary().name), path)?;
    }
    if args.json {
        let report = Report {
            model: &loaded.name,
            adapter: &adapter,
            race: &race,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    print(&race)?;
    let dim = Style::new().dimmed();
    anstream::eprintln!("{dim}{adapter}{dim:#}");
    Ok(())
}

fn charts(race: &RaceReport, model: &str) -> Vec<Chart> {
    let chart = |title: String, y, of: fn(&RaceStep) -> f64| {
        let curve = |name: &str, lane: &RaceLane| Curve {
            name: name.to_owned(),
            values: lane.steps.iter().map(of).collect(),
        };
        Chart {
            title,
            x: "new token",
            y,
            curves: vec![
                curve("with the KV cache", &race.with_cache),
                curve("without", &race.without_cache),
            ],
        }
    };
    vec![
        chart(format!("{model}: each step"), "seconds", |step| {
            step.seconds
        }),
        chart("All steps so far".to_owned(), "seconds", |step| {
            step.total_s
        }),
    ]
}

/// The steps of a table of about twenty rows: the first ones, then every n-th.
fn shown(steps: usize) -> impl Iterator<Item = usize> {
    let every = steps.div_ceil(20).max(1).next_multiple_of(5);
    (0..steps).filter(move |index| {
        let number = index + 1;
        *index < 2 || number == steps || number.is_multiple_of(every)
    })
}

fn print(race: &RaceReport) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let colours = [AnsiColor::Blue, AnsiColor::Red].map(AnsiColor::on_default);
    let [blue, red] = colours;
    let RaceReport {
        prompt_ids,
        with_cache,
        without_cache,
        ..
    } = race;
    if let Some(text) = &with_cache.text {
        writeln!(out, "{text:?}\n")?;
    }
    writeln!(
        out,
        "{bold}        {blue}{:^37}{blue:#}    {red}{:^37}{red:#}{bold:#}",
        "with the KV cache", "without"
    )?;
    writeln!(
        out,
        "{dim}  token {0:>8} {1:>9} {2:>9} {3:>8}    {0:>8} {1:>9} {2:>9} {3:>8}{dim:#}",
        "ms", "total s", "GFLOP", "cache"
    )?;
    let lanes = || with_cache.steps.iter().zip(&without_cache.steps);
    let rows: Vec<usize> = shown(lanes().count()).collect();
    for (index, (with, without)) in lanes().enumerate() {
        if rows.contains(&index) {
            write!(out, "{:>7} ", index + 1)?;
            for (step, gap) in [(with, "    "), (without, "\n")] {
                write!(
                    out,
                    "{:>8.1} {:>9.3} {:>9.3} {:>8}{gap}",
                    step.seconds * 1000.0,
                    step.total_s,
                    step.flops as f64 / 1e9,
                    bytes(step.cache_bytes)
                )?;
            }
        }
    }
    let total = |lane: &RaceLane| lane.steps.last().map_or(0.0, |step| step.total_s);
    let longest = total(with_cache).max(total(without_cache));
    writeln!(out)?;
    for (name, lane, colour) in [("with", with_cache, blue), ("without", without_cache, red)] {
        let seconds = total(lane);
        writeln!(
            out,
            "{name:>7} {colour}{:<40}{colour:#} {seconds:.3} s, {:.2} tok/s",
            crate::text::bar(seconds / longest, 40),
            lane.steps.len() as f64 / seconds
        )?;
    }
    writeln!(
        out,
        "{bold}Without the cache: {:.2} × the time, {:.2} × the operations.{bold:#} {}",
        race.time_ratio,
        race.flops_ratio,
        if race.same_tokens {
            format!(
                "The same {} tokens after {}.",
                with_cache.ids.len(),
                prompt_ids.len()
            )
        } else {
            "The tokens are not the same: this model's cached keys keep the rotation of their time, \
             or two logits are nearly equal."
                .to_owned()
        }
    )
}

fn bytes(bytes: u64) -> String {
    if bytes < 1 << 20 {
        format!("{} KiB", bytes >> 10)
    } else {
        format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn tables_are_short_and_have_both_ends() {
        assert_eq!(shown(3).collect::<Vec<_>>(), [0, 1, 2]);
        let many: Vec<usize> = shown(1000).collect();
        assert!(many.len() < 25, "{many:?}");
        assert_eq!((many[0], many[1], many[many.len() - 1]), (0, 1, 999));
    }
}
