//! What the page weighs over the wire.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use brotli::{BrotliCompress, enc::BrotliEncoderParams};

use crate::{files, say, wasm_std::WasmStd, workspace::Workspace};

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

/// What is fetched when a panel is opened, and when somebody chats.
const FETCHED_LATER: [&str; 2] = ["pkg/split_panels.wasm", "pkg/split_chat_templates.wasm"];

/// All that is fetched at first may weigh this many bytes, compressed with brotli at its best: little beside a model
/// of 98 MB, and enough that code need not be written for bytes.
const MOST: usize = 1_350_000;

/// As static hosts do that compress once and serve often.
const QUALITY: i32 = 11;
/// The widest window that browsers take.
const WINDOW: i32 = 22;

/// With a standard library that was not built for it.
const MOST_WITH_INSTALLED_STD: usize = 1_700_000;

/// Prints each file's weight; an error if all weigh more than they may.
pub fn check(workspace: &Workspace, site: &Path) -> Result<()> {
    let most = if WasmStd::choose(workspace)?.is_small() {
        MOST
    } else {
        MOST_WITH_INSTALLED_STD
    };
    let start = say::begin("Weighing the page as brotli brings it over the wire");
    let total = weigh(site, &FETCHED)?;
    say::note("fetched when it is needed:");
    let later = weigh(site, &FETCHED_LATER)?;
    ensure!(
        total <= most,
        "the page weighs {total} bytes over the wire, and may weigh {most}: find out what came, or \
         raise the limit in crates/xtask/src/weight.rs and say why"
    );
    let sum = total + later;
    say::done(start, format!("{total} bytes of {most}, {sum} in all"));
    Ok(())
}

fn weigh(site: &Path, names: &[&str]) -> Result<usize> {
    let mut total = 0;
    for name in names {
        let content = files::read(&site.join(name))?;
        let weight = compressed(&content)?;
        total += weight;
        say::note(format!("{weight:>9} of {:>9} bytes  {name}", content.len()));
    }
    Ok(total)
}

fn compressed(content: &[u8]) -> Result<usize> {
    let parameters = BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    BrotliCompress(&mut &*content, &mut std::io::sink(), &parameters)
        .context("brotli cannot compress a file of the site")
}
