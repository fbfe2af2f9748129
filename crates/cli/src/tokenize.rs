//! `vitrine tokenize`.

use std::ffi::OsStr;
use std::io::{self, Write};

use anyhow::Context;
use serde::Serialize;
use vitrine_engine::{Engine, EngineError};
use vitrine_model::MappedFile;
use vitrine_text::{SpecialIds, Tokenizer};

use crate::args::TokenizeArgs;
use crate::load;

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report {
    tokens: Vec<Token>,
    /// The text of all of them.
    text: String,
}

#[derive(Serialize)]
struct Token {
    position: usize,
    id: u32,
    /// As the vocabulary writes it; none for ids that no token has.
    piece: Option<String>,
    /// The text of its bytes, U+FFFD where they are only part of a character.
    text: Option<String>,
    bytes: Vec<u8>,
}

pub async fn run(args: TokenizeArgs) -> anyhow::Result<()> {
    let tokenizer = tokenizer(args.model.as_deref()).await?;
    let ids = match args.decode {
        Some(ids) => ids,
        None => tokenizer.encode(&args.text.unwrap_or_default(), args.special)?,
    };
    let tokens = ids
        .iter()
        .enumerate()
        .map(|(position, &id)| token(&tokenizer, position, id));
    let report = Report {
        tokens: tokens.collect(),
        text: tokenizer.decode(&ids, false),
    };
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

fn token(tokenizer: &Tokenizer, position: usize, id: u32) -> Token {
    let piece = tokenizer.piece(id);
    Token {
        position,
        id,
        piece: tokenizer.vocabulary_entry(id),
        text: piece.map(|piece| piece.text.clone()),
        bytes: piece.map(|piece| piece.bytes.clone()).unwrap_or_default(),
    }
}

/// From a GGUF file, a tokenizer.json, or a folder or repository that has one.
async fn tokenizer(model: Option<&OsStr>) -> anyhow::Result<Tokenizer> {
    let path = load::locate(model, &tokenizer_files)?.path;
    let json = if path.is_dir() {
        path.join("tokenizer.json")
    } else {
        path.clone()
    };
    if json
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        let bytes = std::fs::read(&json)
            .with_context(|| format!("{} cannot be read: check the path", json.display()))?;
        return Ok(Tokenizer::from_tokenizer_json(
            &bytes,
            SpecialIds::default(),
        )?);
    }
    let file = MappedFile::open(&path)
        .with_context(|| format!("{} cannot be read: check the path", path.display()))?;
    let tokenizer = Engine::read_tokenizer(&file).await?;
    Ok(tokenizer.ok_or(EngineError::NoTokenizer)?)
}

/// The files of a repository that a tokenizer needs: no weights, where they do not hold it.
fn tokenizer_files(names: &[String]) -> Result<Vec<String>, String> {
    let json = "tokenizer.json".to_owned();
    if names.contains(&json) {
        return Ok(vec![json]);
    }
    load::whole_model(names)
}
