//! `vitrine compare`.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use vitrine_engine::measures::{best, kl_divergence, log_softmax};
use vitrine_engine::{Engine, LoadOptions, Tap, inspect_files};
use vitrine_model::open_path;
use vitrine_protocol::{GenerateRequest, Prompt, SamplingParams, TokenPiece, TraceRequest};

use crate::args::{CompareArgs, FormatArg};
use crate::exit::WrongArgument;
use crate::memory::{allow, mebibytes};
use crate::{load, text};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report {
    model: String,
    prompt_ids: Vec<u32>,
    /// The prompt and what the first format wrote after it: all formats read this.
    ids: Vec<u32>,
    formats: Vec<Row>,
}

/// A format, against the first one.
#[derive(Serialize)]
struct Row {
    format: String,
    weight_bytes: u64,
    kv_bytes_per_token: u64,
    decode_tokens_per_s: Option<f64>,
    /// What it writes by itself.
    own_ids: Vec<u32>,
    mean_kl: f64,
    max_kl: f64,
    /// Of all positions, how many have the same most probable token.
    top1_agreement: f64,
    /// Of the text from its second token on.
    perplexity: f64,
    /// One for each position.
    positions: Vec<At>,
}

#[derive(Clone, Serialize)]
struct At {
    /// Of the distribution after this position, in nats.
    kl: f64,
    best: u32,
    /// Whether the first format's best token is the same.
    agrees: bool,
}

/// The text and what the first format says of it.
struct Reference {
    prompt: usize,
    ids: Vec<u32>,
    pieces: Vec<TokenPiece>,
    /// (positions, vocab_size).
    logits: Vec<f32>,
}

pub async fn run(args: CompareArgs) -> anyhow::Result<()> {
    refuse_quantised(&args).await?;
    let formats = args.formats.iter();
    let models: Vec<_> = formats
        .map(|format| (*format, args.model_in(*format)))
        .collect();
    let prompt = args.prompt.into_prompt();
    let mut reference: Option<Reference> = None;
    let mut rows = Vec::new();
    let mut name = String::new();
    for (format, model) in models {
        let mut loaded = load::load(&model).await?;
        name.clone_from(&loaded.name);
        let request = GenerateRequest {
            prompt: prompt.clone(),
            max_new_tokens: args.max_new_tokens,
            top: 0,
            kv_cache: true,
            packet: Default::default(),
            interventions: vec![],
            sampling: SamplingParams::default(),
        };
        let written = loaded.engine.generate(&request, &mut ()).await?;
        let ids = match &reference {
            Some(reference) => reference.ids.clone(),
            None => [&written.prompt_ids[..], &written.ids].concat(),
        };
        let logits = all_logits(&mut loaded.engine, &ids).await?;
        let reference = reference.get_or_insert_with(|| Reference {
            prompt: written.prompt_ids.len(),
            pieces: ids.iter().map(|id| loaded.engine.piece(*id)).collect(),
            ids,
            logits: logits.clone(),
        });
        let summary = loaded.engine.summary();
        let positions = positions(&reference.logits, &logits, reference.ids.len());
        let count = positions.len() as f64;
        rows.push(Row {
            format: name_of(format),
            weight_bytes: summary.weight_bytes,
            kv_bytes_per_token: summary.kv_bytes_per_token,
            decode_tokens_per_s: written.decode_tokens_per_s,
            own_ids: written.ids,
            mean_kl: positions.iter().map(|at| at.kl).sum::<f64>() / count,
            max_kl: positions.iter().map(|at| at.kl).fold(0.0, f64::max),
            top1_agreement: positions.iter().filter(|at| at.agrees).count() as f64 / count,
            perplexity: perplexity(&logits, &reference.ids),
            positions,
        });
    }
    let Some(reference) = reference else {
        return Ok(());
    };
    if args.json {
        let report = Report {
            model: name,
            prompt_ids: reference.ids[..reference.prompt].to_vec(),
            ids: reference.ids,
            formats: rows,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    print(&reference, &rows)?;
    Ok(())
}

/// Formats that would change nothing are refused before anything is loaded.
async fn refuse_quantised(args: &CompareArgs) -> anyhow::Result<()> {
    let Some(format) = args
        .formats
        .iter()
        .find(|format| format.quantize().is_some())
    else {
        return Ok(());
    };
    let located = load::locate(args.model.as_deref(), &load::whole_model)?;
    let files = open_path(&located.path).map_err(vitrine_engine::EngineError::from)?;
    let report = inspect_files(&files, &LoadOptions::default()).await?;
    let most = report.formats.iter().max_by_key(|share| share.weights);
    match most.map(|share| share.format.as_str()) {
        Some(already) if !matches!(already, "F32" | "F16" | "BF16") => Err(WrongArgument(format!(
            "{} quantises float weights, and this model's are {already} already: compare f32 \
                 and f16, or give a model of float weights.",
            name_of(*format)
        ))
        .into()),
        _ => Ok(()),
    }
}

fn name_of(format: FormatArg) -> String {
    let value = format.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Logits after every position, (positions, vocab_size).
async fn all_logits(engine: &mut Engine, ids: &[u32]) -> anyhow::Result<Vec<f32>> {
    let request = TraceRequest {
        prompt: Prompt::Ids { ids: ids.to_vec() },
        taps: vec![Tap::Logits.to_string()],
        lens: None,
        interventions: Vec::new(),
    };
    // The reference's are held as well.
    allow(2 * engine.trace_bytes(&request)?, None)?;
    let tensors = engine.trace(&request).await?.tensors;
    let logits = tensors.into_iter().next();
    Ok(logits.map(|tensor| tensor.values).unwrap_or_default())
}

fn positions(reference: &[f32], logits: &[f32], count: usize) -> Vec<At> {
    let vocab = reference.len() / count;
    let rows = reference
        .chunks_exact(vocab)
        .zip(logits.chunks_exact(vocab));
    rows.map(|(reference, logits)| {
        let found = best(logits).unwrap_or_default();
        At {
            kl: kl_divergence(reference, logits),
            best: found,
            agrees: best(reference) == Some(found),
        }
    })
    .collect()
}

/// e to the mean surprise of each token but the first.
fn perplexity(logits: &[f32], ids: &[u32]) -> f64 {
    let vocab = logits.len() / ids.len();
    let rows = logits.chunks_exact(vocab);
    let surprises: Vec<f64> = rows
        .zip(ids.iter().skip(1))
        .map(|(row, next)| -log_softmax(row)[*next as usize])
        .collect();
    (surprises.iter().sum::<f64>() / surprises.len().max(1) as f64).exp()
}

fn print(reference: &Reference, rows: &[Row]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
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
    for (position, piece) in reference.pieces.iter().enumerate() {
        let name = text::fit(&text::token(piece), 18);
        let style = if position < reference.prompt {
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
