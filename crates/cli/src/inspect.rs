//! `vitrine inspect`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use vitrine_checkpoint::open_path;
use vitrine_inspect::{inspect_config, inspect_files};
use vitrine_protocol::ModelReport;

use crate::args::InspectArgs;
use crate::load;

pub async fn run(args: InspectArgs) -> anyhow::Result<()> {
    let options = &args.model.inspect_options();
    let report = match &args.config {
        Some(path) => inspect_config(&load::config(path)?, options)?,
        None => {
            let located = load::locate(args.model.model.as_deref(), &description)?;
            let config = located.path.join("config.json");
            if located.path.ends_with("config.json") {
                inspect_config(&load::config(&located.path)?, options)?
            } else if config.is_file() && !has_weights(&located.path) {
                inspect_config(&load::config(&config)?, options)?
            } else {
                let files = open_path(&located.path)?;
                inspect_files(&files, options).await?
            }
        }
    };
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report)?;
    }
    Ok(())
}

/// The files of a repository that describe a model: no weights if config.json is sufficient.
fn description(names: &[String]) -> Result<Vec<String>, String> {
    let config = "config.json".to_owned();
    if names.contains(&config) {
        return Ok(vec![config]);
    }
    load::whole_model(names)
}

fn has_weights(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| {
        let name = name.to_string_lossy();
        name.ends_with(".safetensors") || name.ends_with(".gguf")
    })
}

fn print(report: &ModelReport) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}\n", report.modules)?;
    writeln!(out, "parameters  {}", thousands(report.parameters))?;
    for share in &report.formats {
        writeln!(
            out,
            "{:<10}  {} weights in {} tensors, {}",
            share.format,
            thousands(share.weights),
            share.tensors,
            bytes(share.bytes)
        )?;
    }
    let kv = &report.kv_cache;
    let head = format!("{} head_dim × {} bytes", kv.head_dim, kv.value_bytes);
    let head = match kv.scale_bytes {
        0 => head,
        scale => format!("({head} + {scale} bytes of a scale)"),
    };
    writeln!(
        out,
        "KV cache    2 × {} layers × {} kv heads × {head} = {} bytes ({}) per token",
        kv.layers,
        kv.kv_heads,
        thousands(kv.bytes_per_token),
        bytes(kv.bytes_per_token)
    )?;
    writeln!(
        out,
        "            {} for {} tokens",
        bytes(kv.context_bytes),
        thousands(u64::from(kv.context))
    )?;
    let attention = &report.attention;
    writeln!(
        out,
        "attention   {} heads over {} kv heads, {} to a group ({})",
        attention.heads, attention.kv_heads, attention.group, attention.kind
    )?;
    print_windows(&mut out, &attention.sliding_windows)?;
    if report.ropes.is_empty() {
        writeln!(out, "positions   learned")?;
    }
    for rope in &report.ropes {
        write!(
            out,
            "RoPE        base {}, {} of {} dimensions, {}",
            rope.theta, rope.dim, kv.head_dim, rope.scaling
        )?;
        if rope.attention_factor != 1.0 {
            write!(out, ", attention factor {:.4}", rope.attention_factor)?;
        }
        if report.ropes.len() > 1 {
            write!(out, ", layers {}", list(&rope.layers))?;
        }
        writeln!(out)?;
    }
    let context = thousands(u64::from(report.max_position_embeddings));
    writeln!(out, "context     {context} tokens")?;
    if let Some(tokenizer) = &report.tokenizer {
        let id = |id: Option<u32>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
        writeln!(
            out,
            "tokenizer   {} tokens, BOS {}, EOS {}, {} chat template",
            thousands(u64::from(tokenizer.tokens)),
            id(tokenizer.bos_token_id),
            id(tokenizer.eos_token_id),
            if tokenizer.has_chat_template {
                "a"
            } else {
                "no"
            }
        )?;
    }
    Ok(())
}

fn print_windows(out: &mut impl Write, windows: &[Option<u32>]) -> io::Result<()> {
    let Some(window) = windows.iter().flatten().next() else {
        return Ok(());
    };
    let local: Vec<u32> = (0..)
        .zip(windows)
        .filter(|(_, window)| window.is_some())
        .map(|(layer, _)| layer)
        .collect();
    let which = if local.len() == windows.len() {
        "all layers".to_owned()
    } else {
        format!("layers {}", list(&local))
    };
    writeln!(
        out,
        "window      {} tokens, {which}",
        thousands(u64::from(*window))
    )
}

/// 0-4, 6-10.
fn list(numbers: &[u32]) -> String {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some([_, last]) if *last + 1 == number => *last = number,
            _ => runs.push([number, number]),
        }
    }
    let texts: Vec<String> = runs
        .iter()
        .map(|[first, last]| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    texts.join(", ")
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} bytes"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(thousands(3_821_079_552), "3,821,079,552");
        assert_eq!(thousands(512), "512");
        assert_eq!(bytes(393_216), "384.0 KiB");
        assert_eq!(list(&[0, 1, 2, 4, 6, 7]), "0-2, 4, 6-7");
    }
}
