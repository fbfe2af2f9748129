//! `vitrine attention`.

use std::io::{self, Write};

use anstyle::Style;
use serde::Serialize;
use vitrine_engine::Tap;
use vitrine_engine::measures::head_scores;
use vitrine_protocol::{HeadScore, HeadsReport, Prompt, TokenPiece, TraceRequest};

use crate::args::AttentionArgs;
use crate::draw::{Heatmap, save};
use crate::exit::WrongArgument;
use crate::load::{self, Loaded};
use crate::memory::allow;
use crate::text;

/// The object that `--json` prints of one head.
#[derive(Serialize)]
struct Report<'a> {
    model: &'a str,
    prompt_ids: Vec<u32>,
    layer: u32,
    head: u32,
    /// `None` for a prompt of one token.
    scores: Option<HeadScore>,
    /// (positions, positions): each row is a query.
    attention: &'a [Vec<f32>],
}

/// How many heads each ranking lists.
const RANKED: usize = 8;

pub async fn run(args: AttentionArgs) -> anyhow::Result<()> {
    let mut loaded = load::load(&args.model).await?;
    let prompt = args.prompt.into_prompt();
    let (Some(layer), Some(head)) = (args.layer, args.head) else {
        return summary(&mut loaded, &prompt, args.json).await;
    };
    let heads = loaded.engine.summary().num_attention_heads;
    if head >= heads {
        return Err(WrongArgument(format!(
            "There is no head {head}: the layers of this model have heads 0 to {}.",
            heads - 1
        ))
        .into());
    }
    let tap = Tap::Attentions(layer);
    let request = TraceRequest {
        prompt,
        taps: vec![tap.to_string()],
        lens: None,
        interventions: Vec::new(),
    };
    allow(loaded.engine.trace_bytes(&request).await?, None)?;
    let mut trace = loaded.engine.trace(&request).await?;
    let all = std::mem::take(&mut trace.tensors);
    let values = all.first().map_or(&[][..], |tensor| &tensor.values);
    let n = trace.prompt.len();
    let matrix = &values[head as usize * n * n..][..n * n];
    let rows: Vec<Vec<f32>> = matrix.chunks_exact(n).map(<[f32]>::to_vec).collect();
    let ids: Vec<u32> = trace.prompt.iter().map(|piece| piece.id).collect();

    if args.svg.is_some() || args.png.is_some() {
        let names: Vec<String> = trace.prompt.iter().map(text::bare).collect();
        let picture = Heatmap {
            title: format!("Attention of layer {layer}, head {head}"),
            rows: names.clone(),
            columns: names,
            values: rows
                .iter()
                .map(|row| row.iter().map(|value| f64::from(*value)).collect())
                .collect(),
        };
        for path in args.svg.iter().chain(&args.png) {
            save(&picture, path)?;
        }
    }
    let scores = head_scores(matrix, &ids).map(|scores| HeadScore {
        layer,
        head,
        entropy: scores.entropy,
        previous_token: scores.previous_token,
        first_token: scores.first_token,
        induction: scores.induction,
    });
    if args.json {
        let report = Report {
            model: &loaded.name,
            prompt_ids: ids,
            layer,
            head,
            scores,
            attention: &rows,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    print(&trace.prompt, &rows)?;
    if let Some(scores) = scores {
        let induction = scores.induction.map_or_else(
            || "no token repeats".to_owned(),
            |share| format!("{share:.3}"),
        );
        writeln!(
            io::stdout(),
            "entropy {:.3} nats · token before {:.3} · first token {:.3} · induction {induction}",
            scores.entropy,
            scores.previous_token,
            scores.first_token
        )?;
    }
    Ok(())
}

/// A row for each query, two cells for each key, darker for more.
fn print(prompt: &[TokenPiece], rows: &[Vec<f32>]) -> io::Result<()> {
    const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];
    const NAME: usize = 16;
    const REMARK: usize = 14;
    let mut out = anstream::stdout().lock();
    let dim = Style::new().dimmed();
    let first = text::first_shown(&mut out, prompt.len(), NAME + 5 + REMARK, 2)?;
    write!(out, "{dim}{:>1$}", "", NAME + 5)?;
    for position in first..prompt.len() {
        // Every other column, so that numbers do not touch.
        match position % 2 {
            0 => write!(out, "{:<2}", position % 100)?,
            _ => write!(out, "  ")?,
        }
    }
    writeln!(out, "{dim:#}")?;
    for (position, (piece, row)) in prompt.iter().zip(rows).enumerate().skip(first) {
        let name = text::fit(&text::bare(piece), NAME);
        write!(out, "{name} {dim}{position:>3}{dim:#} ")?;
        for (key, share) in row.iter().enumerate().skip(first) {
            // Masked cells are not zeros.
            let shade = match share {
                _ if key > position => "· ",
                ..0.02 => SHADES[0],
                share => SHADES[(share * 4.0).ceil().clamp(1.0, 4.0) as usize],
            };
            write!(out, "{shade}")?;
        }
        let most = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        if let Some((key, share)) = most {
            write!(out, "  {dim}{:.0} % on {key}{dim:#}", share * 100.0)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A score of a head, if it has one.
type Score = fn(&HeadScore) -> Option<f64>;

async fn summary(loaded: &mut Loaded, prompt: &Prompt, json: bool) -> anyhow::Result<()> {
    let report = loaded.engine.head_scores(prompt, &mut ()).await?;
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    let rankings: [(&str, Score); 4] = [
        ("entropy (lowest first)", |head| Some(-head.entropy)),
        ("token before", |head| Some(head.previous_token)),
        ("first token", |head| Some(head.first_token)),
        ("induction", |head| head.induction),
    ];
    let bold = Style::new().bold();
    for (name, score) in rankings {
        writeln!(out, "{bold}{name}{bold:#}")?;
        let ranked = ranked(&report, score);
        if ranked.is_empty() {
            writeln!(out, "  no token repeats in this prompt")?;
        }
        for (score, head) in ranked.into_iter().take(RANKED) {
            let score = score.abs();
            let (cells, unit) = match name.starts_with("entropy") {
                true => (String::new(), " nats"),
                false => (text::bar(score, 30), ""),
            };
            let name = format!("{}.{}", head.layer, head.head);
            writeln!(out, "  {name:>7}  {score:.4}{unit}  {cells}")?;
        }
    }
    Ok(())
}

/// The heads that have a score, highest first.
fn ranked(report: &HeadsReport, score: Score) -> Vec<(f64, &HeadScore)> {
    let heads = report.heads.iter();
    let mut ranked: Vec<(f64, &HeadScore)> = heads
        .filter_map(|head| Some((score(head)?, head)))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
}
