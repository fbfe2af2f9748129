//! Splits the wasm module into the part that the page begins with and those that it fetches when it needs
//! them: the code that only functions marked `#[wasm_split]` reach.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use fs_err as fs;
use sha2::{Digest, Sha256};
use wasm_split_cli_support::Options;

/// The JavaScript that fetches the parts.
const SCRIPT: &str = "parts.js";

/// A module that is split.
pub struct Parts {
    /// What the page begins with, not yet bound to JavaScript.
    pub first: PathBuf,
    /// The others, ready to be fetched.
    pub others: Vec<PathBuf>,
}

/// Splits a module. `pkg` gets the parts that are fetched and the script that fetches them, which expects the
/// first part beside it, bound as `name`.
pub fn split(compiled: &Path, pkg: &Path, name: &str) -> Result<Parts> {
    fs::create_dir_all(pkg)?;
    let whole = fs::read(compiled)?;
    let first = compiled.with_extension("first.wasm");
    let (main_module, script) = (format!("./{name}.js"), format!("./{SCRIPT}"));
    let mut options = Options::new(&whole);
    options.output_dir = pkg;
    options.main_out_path = &first;
    options.link_name = &script;
    options.main_module = &main_module;
    let split = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("{error:#}"))
        .with_context(|| format!("cannot split {}", compiled.display()))?;
    Ok(Parts {
        first,
        others: split.split_modules,
    })
}

/// Makes the script refuse parts of another build, which a server may have by the time they are fetched.
pub fn seal(pkg: &Path, parts: &[PathBuf]) -> Result<()> {
    let script = pkg.join(SCRIPT);
    let mut text = fs::read_to_string(&script)?;
    for part in parts {
        let name = part.file_name().and_then(|name| name.to_str());
        let name = name.context("a part has no name")?;
        let integrity = BASE64_STANDARD.encode(Sha256::digest(fs::read(part)?));
        let fetched = format!(r#"fetch(new URL("./{name}", import.meta.url)"#);
        ensure!(text.contains(&fetched), "{SCRIPT} does not fetch {name}");
        let sealed = format!(r#"{fetched}, {{ integrity: "sha256-{integrity}" }}"#);
        text = text.replace(&fetched, &sealed);
    }
    Ok(fs::write(&script, text)?)
}
