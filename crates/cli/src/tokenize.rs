//! `vitrine tokenize`.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use vitrine_checkpoint::{ModelFiles, open_path};
use vitrine_engine::EngineError;
use vitrine_inspect::{read_tokenizer, tokenize_report};
use vitrine_text::{SpecialIds, Tokenizer};

use crate::args::TokenizeArgs;
use crate::load;

pub async fn run(args: TokenizeArgs) -> anyhow::Result<()> {
    let tokenizer = tokenizer(args.model.as_deref()).await?;
    let ids = match args.decode {
        Some(ids) => ids,
        None => tokenizer.encode(&args.text.unwrap_or_default(), args.special)?,
    };
    let report = tokenize_report(&tokenizer, &ids);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    writeln!(out, "{:>8}  {:>8}  {:<24}  bytes", "position", "id", "text")?;
    for token in &report.tokens {
        let text = token
            .text
            .as_ref()
            .map_or_else(|| "(no token)".to_owned(), |t| format!("{t:?}"));
        let bytes: Vec<String> = token
            .bytes
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        writeln!(
            out,
            "{:>8}  {:>8}  {text:<24}  {}",
            token.position,
            token.id,
            bytes.join(" ")
        )?;
    }
    writeln!(out, "{} tokens: {:?}", report.tokens.len(), report.text)?;
    Ok(())
}

/// From a GGUF file, a folder or repository with a tokenizer.json and others, or a tokenizer.json
/// alone.
async fn tokenizer(model: Option<&OsStr>) -> anyhow::Result<Tokenizer> {
    let path = load::locate(model, &tokenizer_files)?.path;
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        let bytes = read(&path)?;
        let ids = SpecialIds::default();
        return Ok(Tokenizer::from_tokenizer_json(&bytes, ids)?);
    }
    let tokenizer = if path.join(TOKENIZER[0]).is_file() {
        read_tokenizer(&descriptions(&path)?).await?
    } else {
        let files = open_path(&path)?;
        read_tokenizer(&files).await?
    };
    Ok(tokenizer.ok_or(EngineError::NoTokenizer)?)
}

/// The tokenizer's file, and those with the ids that surround a text.
const TOKENIZER: [&str; 6] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "config.json",
];

/// The files of a repository that a tokenizer needs: no weights unless they contain it.
fn tokenizer_files(names: &[String]) -> Result<Vec<String>, String> {
    if !names.iter().any(|name| name == TOKENIZER[0]) {
        return load::whole_model(names);
    }
    let needed = TOKENIZER.map(str::to_owned).into_iter();
    Ok(needed.filter(|name| names.contains(name)).collect())
}

/// The tokenizer of a folder; weights are not read.
fn descriptions(folder: &Path) -> anyhow::Result<ModelFiles<Vec<u8>>> {
    let mut files = ModelFiles::new(folder.display().to_string());
    for name in TOKENIZER {
        let path = folder.join(name);
        if path.is_file() {
            files.add(name, read(&path)?);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path)
        .with_context(|| format!("{} cannot be read: check the path", path.display()))
}
