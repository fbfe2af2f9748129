//! `cargo xtask dist`: the page as plain static files.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{files, model, say, web, workspace::Workspace};

/// Writes the whole site, model and all, to `dist`. Every path in it is relative.
pub fn dist(workspace: &Workspace) -> Result<()> {
    let site = web::build(workspace, web::Build::Whole)?;
    model::add_to_site(&model::fetch()?, &site)?;
    let start = say::begin("Writing the static files to dist");
    let dist = workspace.root.join("dist");
    files::remove(&dist)?;
    files::copy_folder(&site, &dist)?;
    let total = list(&dist, &dist)?;
    say::done(
        start,
        format!(
            "{} in all; any static host can serve the folder",
            say::bytes(total)
        ),
    );
    Ok(())
}

/// Prints each file with its size; gives the sum.
fn list(root: &Path, folder: &Path) -> Result<u64> {
    let context = || format!("cannot read {}", folder.display());
    let entries: Result<Vec<_>, _> = fs::read_dir(folder).with_context(context)?.collect();
    let mut paths: Vec<_> = entries
        .with_context(context)?
        .iter()
        .map(|e| e.path())
        .collect();
    paths.sort();
    let mut total = 0;
    for path in paths {
        if path.is_dir() {
            total += list(root, &path)?;
        } else {
            let size = files::size(&path)?;
            let shown = path.strip_prefix(root).unwrap_or(&path).display();
            say::note(format!("{:>10}  {shown}", say::bytes(size)));
            total += size;
        }
    }
    Ok(total)
}
