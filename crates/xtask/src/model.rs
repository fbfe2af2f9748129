//! The default model: into the cache folder, and from there into the site.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use vitrine_hub::{DEFAULT_MODEL, Model};

use crate::{files, say};

/// Static hosts refuse files over 25 MiB.
const PART_BYTES: u64 = 24 << 20;

/// `manifest.json`: which parts make up a model file.
#[derive(Serialize)]
struct Manifest<'a> {
    name: &'a str,
    file: &'a str,
    bytes: u64,
    sha256: &'a str,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    path: String,
    bytes: u64,
}

/// `models/index.json`: which models the site has.
#[derive(Serialize)]
struct Index<'a> {
    models: [&'a str; 1],
}

/// Brings the default model into the cache folder if it is not there, and gives its path.
pub fn fetch() -> Result<PathBuf> {
    if let Some(path) = vitrine_hub::find(&DEFAULT_MODEL)? {
        say::note(format!("the model is in {}", path.display()));
        return Ok(path);
    }
    let start = say::begin(format!(
        "Fetching the default model {} ({})",
        DEFAULT_MODEL.name,
        say::bytes(DEFAULT_MODEL.bytes)
    ));
    let path = vitrine_hub::ensure(&DEFAULT_MODEL)?;
    say::done(start, format!("checksum right, kept as {}", path.display()));
    Ok(path)
}

/// Splits the model at `file` into parts under the site's `models` folder, unless it is there.
pub fn add_to_site(file: &Path, site: &Path) -> Result<()> {
    let models = site.join("models");
    let folder = models.join(DEFAULT_MODEL.name);
    let manifest_path = folder.join("manifest.json");
    let manifest = serde_json::to_string_pretty(&manifest(&DEFAULT_MODEL))?;
    // The manifest is written last, so where it is, the parts are.
    if fs::read_to_string(&manifest_path).is_ok_and(|present| present == manifest) {
        return Ok(());
    }
    let start = say::begin("Splitting the model into parts that any static host accepts");
    files::remove(&folder)?;
    fs::create_dir_all(&folder)?;
    let parts = split(file, &folder)?;
    let index = serde_json::to_string_pretty(&Index {
        models: [DEFAULT_MODEL.name],
    })?;
    files::write(&models.join("index.json"), index)?;
    files::write(&manifest_path, manifest)?;
    say::done(start, format!("{parts} parts"));
    Ok(())
}

fn manifest(model: &Model) -> Manifest<'_> {
    let parts = (0..model.bytes.div_ceil(PART_BYTES)).map(|index| Part {
        path: part_name(index),
        bytes: PART_BYTES.min(model.bytes - index * PART_BYTES),
    });
    Manifest {
        name: model.name,
        file: model.file_name,
        bytes: model.bytes,
        sha256: model.sha256,
        parts: parts.collect(),
    }
}

fn part_name(index: u64) -> String {
    format!("part-{index:03}")
}

fn split(file: &Path, folder: &Path) -> Result<u64> {
    let reading = || format!("cannot read {}", file.display());
    let mut source = BufReader::new(File::open(file).with_context(reading)?);
    for index in 0.. {
        let path = folder.join(part_name(index));
        let mut part =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let written = io::copy(&mut source.by_ref().take(PART_BYTES), &mut part)
            .with_context(|| format!("cannot copy a part of {}", file.display()))?;
        if written < PART_BYTES {
            let total = index * PART_BYTES + written;
            ensure!(
                total == DEFAULT_MODEL.bytes,
                "{} has changed while it was read",
                file.display()
            );
            return Ok(index + 1);
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_make_up_the_whole_file() {
        let manifest = manifest(&DEFAULT_MODEL);
        let sum: u64 = manifest.parts.iter().map(|part| part.bytes).sum();
        assert_eq!(sum, DEFAULT_MODEL.bytes);
        assert!(
            manifest
                .parts
                .iter()
                .all(|part| part.bytes > 0 && part.bytes <= PART_BYTES)
        );
        assert_eq!(manifest.parts[0].path, "part-000");
    }
}
