//! The page's style sheet, from the files that lie beside what they style.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::files;

/// What comes first, in this order: `web/style/NAME.css`. All others stand beside their component.
const FIRST: [&str; 4] = ["tokens", "base", "layout", "controls"];

/// Joins all style sheets of `web` into the file `to`.
pub fn bundle(web: &Path, to: &Path) -> Result<()> {
    let mut paths: Vec<PathBuf> = FIRST
        .iter()
        .map(|name| web.join("style").join(format!("{name}.css")))
        .collect();
    let mut beside = Vec::new();
    find(&web.join("src"), &mut beside)?;
    beside.sort();
    paths.extend(beside);
    let mut text = String::new();
    for path in paths {
        let part = files::read_text(&path)?;
        text.push_str(&part);
    }
    fs::write(to, text).with_context(|| format!("cannot write {}", to.display()))
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, found)?;
        } else if path.file_name().is_some_and(|name| name == "style.css") {
            found.push(path);
        }
    }
    Ok(())
}
