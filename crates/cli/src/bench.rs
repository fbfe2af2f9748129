//! `vitrine bench`.

mod picture;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use anyhow::bail;
use serde::Serialize;
use vitrine_engine::{Engine, LoadOptions, Observer};
use vitrine_gpu::Clock;
use vitrine_protocol::{
    AnswerPart, BenchReport, BenchRequest, KernelTime, PassProfile, Rate, Speed,
};

use crate::args::BenchArgs;
use crate::load::{self, Bar};
use crate::memory::{mebibytes, peak_memory};
use crate::{draw, tuning_file};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report {
    load_s: f64,
    /// Peak host memory of this process, if the system reports it.
    peak_memory_bytes: Option<u64>,
    #[serde(flatten)]
    report: BenchReport,
}

/// Prints the next measurement.
struct Says;

impl Observer for Says {
    fn part(&mut self, part: AnswerPart) {
        if let AnswerPart::Measuring { what } = part {
            let _ = writeln!(io::stderr(), "measuring: {what}");
        }
    }
}

pub async fn run(args: BenchArgs) -> anyhow::Result<()> {
    let (mut engine, load_s) = match &args.config {
        Some(path) => random(&args, path).await?,
        None => {
            let loaded = load::load(&args.model).await?;
            (loaded.engine, loaded.load_s)
        }
    };
    let request = BenchRequest {
        prefill: args.prefill,
        contexts: args.at,
        new_tokens: args.new_tokens,
        batches: args.batch,
        packets: args.packets,
        no_kv_cache: args.no_kv_cache,
        runs: args.runs,
        budget_s: args.budget,
    };
    let report = engine.bench(&request, &mut Says).await?;
    if let Some(path) = &args.svg {
        if report.profiles.is_empty() {
            bail!(
                "There is nothing to draw, for this adapter has no timestamps: choose another with --adapter."
            );
        }
        draw::save(&picture::picture(&report.profiles), path)?;
    }
    let report = Report {
        load_s,
        peak_memory_bytes: peak_memory(),
        report,
    };
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report)?;
    }
    Ok(())
}

/// A model with random weights from a config.json.
async fn random(args: &BenchArgs, path: &Path) -> anyhow::Result<(Engine, f64)> {
    let config = load::config(path)?;
    let gpu = load::gpu(&args.model).await?;
    let clock = Clock::start();
    let mut bar = Bar::default();
    let mut progress = |phase, done, total| bar.show(phase, done, total);
    let options = LoadOptions {
        tuning: tuning_file::recall(&args.model, &gpu),
        ..args.model.load_options()
    };
    let mut engine = Engine::random(gpu, config, &options, &mut progress).await?;
    bar.finish();
    load::settle(&args.model, &mut engine).await?;
    Ok((engine, clock.seconds()))
}

/// "278.10 tok/s (201.33 to 280.02 in 5 runs)".
struct Told<'a>(&'a Speed);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.2} tok/s", self.0.tokens_per_s)?;
        if let Some([slowest, fastest]) = self.0.range() {
            let runs = self.0.run_seconds.len();
            write!(f, " ({slowest:.2} to {fastest:.2} in {runs} runs)")?;
        }
        Ok(())
    }
}

fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let Report {
        load_s,
        peak_memory_bytes,
        report,
    } = report;
    let model = &report.model;
    writeln!(
        out,
        "adapter     {} ({})",
        report.adapter.name, report.adapter.driver
    )?;
    writeln!(out, "model       {} ({})", model.name, model.architecture)?;
    writeln!(
        out,
        "weights     {} in {}, {}",
        model.parameters,
        model.format,
        mebibytes(model.weight_bytes)
    )?;
    writeln!(
        out,
        "KV cache    {} bytes per token",
        model.kv_bytes_per_token
    )?;
    writeln!(out, "loaded in   {load_s:.2} s")?;
    if let Some(bytes) = peak_memory_bytes {
        writeln!(out, "host memory {} at most", mebibytes(*bytes))?;
    }
    writeln!(
        out,
        "GPU memory  {} at most, in buffers",
        mebibytes(report.peak_buffer_bytes)
    )?;
    let gigabytes = report.copy_bytes_per_s / 1e9;
    writeln!(out, "copy        {gigabytes:.1} GB/s, read and written")?;
    writeln!(out, "dispatches  {} per token", report.dispatches_per_token)?;
    if let Some(seconds) = report.first_token_s {
        writeln!(out, "first token after {:.1} ms", seconds * 1000.0)?;
    }
    writeln!(out)?;
    for Rate { context, speed, .. } in &report.prefill {
        writeln!(out, "prefill of {context:>5}   {}", Told(speed))?;
    }
    for rate in &report.decode {
        let speed = Told(&rate.speed);
        write!(out, "decode at  {:>5}   {speed}", rate.context)?;
        if let (Some(bytes), Some(share)) = (rate.bytes_per_token, rate.bandwidth_share) {
            write!(
                out,
                "   {} per token, {:.1} % of a copy's bandwidth",
                mebibytes(bytes),
                share * 100.0
            )?;
        }
        if let Some(share) = rate.outside_gpu {
            write!(out, ", {:.1} % of the time outside the GPU", share * 100.0)?;
        }
        if let Some(share) = rate.outside_kernels {
            write!(out, ", {:.0} % outside kernels", share * 100.0)?;
        }
        writeln!(out)?;
    }
    for Rate { context, speed, .. } in &report.without_kv_cache {
        writeln!(out, "no cache at {context:>4}   {}", Told(speed))?;
    }
    for rate in &report.packets {
        writeln!(
            out,
            "packets     {:<40} {:>8.2} ms per token, {:.3} ×",
            rate.parts,
            rate.seconds_per_token * 1e3,
            rate.ratio,
        )?;
    }
    for rate in &report.batch {
        writeln!(
            out,
            "batch of   {:>5}   {} together, {:.2} each, at {}",
            rate.sequences,
            Told(&rate.speed),
            rate.speed.tokens_per_s / f64::from(rate.sequences),
            rate.context
        )?;
    }
    for reason in &report.left_out {
        writeln!(out, "left out: {reason}")?;
    }
    for profile in &report.profiles {
        print_profile(&mut out, profile)?;
    }
    Ok(())
}

/// Description of the pass of a profile.
fn what(profile: &PassProfile) -> String {
    match profile.tokens {
        1 => format!("a token at {}", profile.context),
        tokens => format!("a prompt of {tokens}"),
    }
}

/// A table of the operations of a pass and their GPU times.
fn print_profile(out: &mut impl Write, profile: &PassProfile) -> io::Result<()> {
    let PassProfile {
        seconds, kernels, ..
    } = profile;
    let what = what(profile);
    let milliseconds = seconds * 1e3;
    writeln!(out, "\n{what}: {milliseconds:.2} ms on the GPU")?;
    writeln!(
        out,
        "  {:<16}{:<16}{:>5}{:>11}{:>9}",
        "what", "kernel", "runs", "ms", "share"
    )?;
    for time in kernels {
        let KernelTime {
            name,
            kernel,
            dispatches,
            seconds: taken,
            weights,
            bytes,
            ..
        } = time;
        write!(
            out,
            "  {name:<16}{kernel:<16}{dispatches:>5}{:>11.3}{:>7.1} %",
            taken * 1e3,
            taken / seconds * 100.0
        )?;
        if let Some(weights) = weights {
            write!(out, "{:>9.2} Gweights/s", *weights as f64 / taken / 1e9)?;
        }
        if let Some(bytes) = bytes {
            write!(out, "{:>9.2} GB/s", *bytes as f64 / taken / 1e9)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
