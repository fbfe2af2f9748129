//! What the page weighs over the wire.

use std::{io::sink, path::Path};

use anyhow::{Context, Result, ensure};
use brotli::{BrotliCompress, enc::BrotliEncoderParams};
use fs_err as fs;

use crate::say;

/// What opens the page and generates text from a raw prompt: what `index.html` asks for, and what that
/// asks for.
const FETCHED: [&str; 12] = [
    "index.html",
    "icon.svg",
    "theme.js",
    "page.css",
    "boot.js",
    "crash.js",
    "offline.js",
    "manifest.webmanifest",
    "pkg/vitrine.js",
    "pkg/parts.js",
    "pkg/vitrine_bg.wasm",
    "worker-boot.js",
];

/// What is fetched when a panel is opened, and with the first chat prompt.
const FETCHED_LATER: [&str; 2] = ["pkg/split_panels.wasm", "pkg/split_chat_templates.wasm"];

/// The most bytes of all that is fetched at first, compressed with brotli: little beside a model of 98 MB, and
/// enough that code need not be written for bytes.
const LIMIT: usize = 1_350_000;

/// Prints the weight of each file. More than [`LIMIT`] is an error.
pub fn check(site: &Path) -> Result<()> {
    let start = say::begin("Compressing the page with brotli, as it comes over the wire");
    let total = weigh(site, &FETCHED)?;
    say::note("fetched when it is needed:");
    let later = weigh(site, &FETCHED_LATER)?;
    ensure!(
        total <= LIMIT,
        "the page weighs {total} bytes over the wire, and {LIMIT} are allowed: find out what was added, or \
         raise the limit in crates/xtask/src/weight.rs and say why"
    );
    let sum = total + later;
    say::done(start, format!("{total} bytes of {LIMIT}, {sum} in all"));
    Ok(())
}

fn weigh(site: &Path, names: &[&str]) -> Result<usize> {
    let mut total = 0;
    for name in names {
        let content = fs::read(site.join(name))?;
        let weight = compressed(&content).with_context(|| format!("cannot compress {name}"))?;
        total += weight;
        say::note(format!("{weight:>9} of {:>9} bytes  {name}", content.len()));
    }
    Ok(total)
}

/// As static hosts do that compress once and serve often: the best quality, the widest window of browsers.
fn compressed(content: &[u8]) -> Result<usize> {
    let parameters = BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    Ok(BrotliCompress(&mut &*content, &mut sink(), &parameters)?)
}
