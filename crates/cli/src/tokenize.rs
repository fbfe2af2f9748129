//! `vitrine tokenize`.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use vitrine_engine::{Engine, EngineError};
use vitrine_model::MappedFile;
use vitrine_text::{FolderTexts, SpecialIds, Tokenizer};

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
        text: piece.as_ref().map(|piece| piece.text.clone()),
        bytes: piece.map(|piece| piece.bytes).unwrap_or_default(),
    }
}

/// From a GGUF file, a folder or repository with a tokenizer.json and others, or a tokenizer.json
/// alone.
async fn tokenizer(model: Option<&OsStr>) -> anyhow::Result<Tokenizer> {
    let path = load::locate(model, &tokenizer_files)?.path;
    if path.is_dir() {
        return folder_tokenizer(&path);
    }
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        let bytes = read(&path)?;
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

/// Says which ids stand around a text, where tokenizer.json does not.
const OTHERS: [&str; 4] = [
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "config.json",
];

/// The files of a repository that a tokenizer needs: no weights, where they do not hold it.
fn tokenizer_files(names: &[String]) -> Result<Vec<String>, String> {
    let json = "tokenizer.json".to_owned();
    if names.contains(&json) {
        let others = OTHERS.map(str::to_owned).into_iter();
        let others = others.filter(|name| names.contains(name));
        return Ok([json].into_iter().chain(others).collect());
    }
    load::whole_model(names)
}

fn folder_tokenizer(folder: &Path) -> anyhow::Result<Tokenizer> {
    let optional = |name: &str| {
        let path = folder.join(name);
        path.exists().then(|| read(&path)).transpose()
    };
    let tokenizer_json = read(&folder.join("tokenizer.json"))?;
    let [
        tokenizer_config,
        special_tokens_map,
        generation_config,
        config,
    ] = OTHERS.map(optional);
    let (tokenizer_config, special_tokens_map) = (tokenizer_config?, special_tokens_map?);
    let (generation_config, config) = (generation_config?, config?);
    let texts = FolderTexts {
        tokenizer_json: &tokenizer_json,
        tokenizer_config: tokenizer_config.as_deref(),
        chat_template: None,
        special_tokens_map: special_tokens_map.as_deref(),
        generation_config: generation_config.as_deref(),
        config: config.as_deref(),
    };
    Ok(texts.tokenizer()?)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path)
        .with_context(|| format!("{} cannot be read: check the path", path.display()))
}
