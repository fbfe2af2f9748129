//! The default model: into the cache folder, and from there into the site.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use fs_err::{self as fs, File};
use serde_json::json;
use vitrine_hub::DEFAULT_MODEL;

use crate::{files, say};

/// Static hosts refuse files over 25 MiB.
const PART_BYTES: u64 = 24 << 20;

/// Downloads the default model into the cache folder if it is not there, and returns its path.
pub fn fetch() -> Result<PathBuf> {
    if let Some(path) = vitrine_hub::find(&DEFAULT_MODEL)? {
        say::note(format!("the model is in {}", path.display()));
        return Ok(path);
    }
    let (name, size) = (DEFAULT_MODEL.name, say::bytes(DEFAULT_MODEL.bytes));
    let start = say::begin(format!("Fetching the default model {name} ({size})"));
    let path = vitrine_hub::ensure(&DEFAULT_MODEL)?;
    say::done(
        start,
        format!("the checksum is right; it is in {}", path.display()),
    );
    Ok(path)
}

/// Splits the model at `file` into parts under the site's `models` folder, unless it is there.
pub fn add_to_site(file: &Path, site: &Path) -> Result<()> {
    let models = site.join("models");
    let folder = models.join(DEFAULT_MODEL.name);
    let manifest_path = folder.join("manifest.json");
    let sizes = sizes();
    let parts: Vec<_> = (0..)
        .zip(&sizes)
        .map(|(index, bytes)| json!({ "path": part_name(index), "bytes": bytes }))
        .collect();
    let manifest = json!({
        "name": DEFAULT_MODEL.name,
        "file": DEFAULT_MODEL.file_name,
        "bytes": DEFAULT_MODEL.bytes,
        "sha256": DEFAULT_MODEL.sha256,
        "parts": parts,
    });
    let manifest = serde_json::to_string_pretty(&manifest)?;
    // The manifest is written last, so where it is, the parts are.
    if fs::read_to_string(&manifest_path).is_ok_and(|present| present == manifest) {
        return Ok(());
    }
    let start = say::begin("Splitting the model into parts that any static host accepts");
    files::remove(&folder)?;
    fs::create_dir_all(&folder)?;
    let mut source = File::open(file)?;
    for (index, &bytes) in (0..).zip(&sizes) {
        let mut part = File::create(folder.join(part_name(index)))?;
        let written = io::copy(&mut source.by_ref().take(bytes), &mut part)?;
        ensure!(written == bytes, "{} is too short", file.display());
    }
    let index = json!({ "models": [DEFAULT_MODEL.name] });
    files::write(
        &models.join("index.json"),
        serde_json::to_string_pretty(&index)?,
    )?;
    files::write(&manifest_path, manifest)?;
    say::done(start, format!("{} parts", sizes.len()));
    Ok(())
}

/// The bytes of each part.
fn sizes() -> Vec<u64> {
    let starts = (0..DEFAULT_MODEL.bytes).step_by(PART_BYTES as usize);
    starts
        .map(|start| PART_BYTES.min(DEFAULT_MODEL.bytes - start))
        .collect()
}

fn part_name(index: usize) -> String {
    format!("part-{index:03}")
}
