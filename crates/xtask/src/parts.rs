//! Cuts the wasm module into the part that the page begins with and those that it fetches when it needs
//! them: what only functions marked `#[wasm_split]` reach.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use wasm_encoder::{Module, RawSection};
use wasm_split_cli_support::Options;
use wasmparser::{Parser, Payload};

use crate::files;

/// The JavaScript that fetches the parts.
pub const SCRIPT: &str = "parts.js";

/// A module that is cut.
pub struct Parts {
    /// What the page begins with, not yet bound to JavaScript.
    pub first: PathBuf,
    /// The others, ready to be fetched.
    pub others: Vec<PathBuf>,
}

/// Cuts a module. `folder` gets the parts that are fetched and the script that does it, which will find
/// the first part bound as `name` beside it.
pub fn cut(compiled: &Path, folder: &Path, name: &str) -> Result<Parts> {
    let whole = files::read(compiled)?;
    let first = compiled.with_extension("first.wasm");
    let (main_module, script) = (format!("./{name}.js"), format!("./{SCRIPT}"));
    let mut options = Options::new(&whole);
    options.output_dir = folder;
    options.main_out_path = &first;
    options.link_name = &script;
    options.main_module = &main_module;
    let cut = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("{error:#}"))
        .with_context(|| format!("cannot cut {} into parts", compiled.display()))?;
    for part in &cut.split_modules {
        files::write(part, without_names(&files::read(part)?)?)?;
    }
    Ok(Parts {
        first,
        others: cut.split_modules,
    })
}

/// Has the script take no other bytes than these: parts only fit the build that they are of, and a
/// server may have a new one.
pub fn seal(script: &Path, part: &Path) -> Result<()> {
    let name = part.file_name().and_then(|name| name.to_str());
    let name = name.context("a part has no name")?;
    let integrity = BASE64_STANDARD.encode(Sha256::digest(files::read(part)?));
    let text = files::read_text(script)?;
    let fetched = format!(r#"fetch(new URL("./{name}", import.meta.url)"#);
    ensure!(text.contains(&fetched), "nobody fetches {name}");
    let sealed = format!(r#"{fetched}, {{ integrity: "sha256-{integrity}" }}"#);
    files::write(script, text.replace(&fetched, &sealed))
}

/// A module without its custom sections, which hold names for debuggers.
fn without_names(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if matches!(payload, Payload::CustomSection(_)) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection {
                id,
                data: &wasm[range],
            });
        }
    }
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{CustomSection, MemorySection, MemoryType, Module};

    use super::without_names;

    #[test]
    fn only_custom_sections_go() {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut whole = Module::new();
        whole.section(&memories);
        let expected = whole.clone().finish();
        whole.section(&CustomSection {
            name: "name".into(),
            data: (&[1, 2, 3]).into(),
        });
        assert_eq!(without_names(&whole.finish()).unwrap(), expected);
    }
}
