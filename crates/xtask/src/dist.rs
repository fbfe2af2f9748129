//! `cargo xtask dist`: the page as plain static files.

use anyhow::Result;
use fs_err as fs;

use crate::{files, model, say, web, workspace::Workspace};

/// Writes the whole site, model and all, to `dist`. Every path in it is relative.
pub fn dist(workspace: &Workspace) -> Result<()> {
    let site = web::build(workspace, web::Build::Release)?;
    model::add_to_site(&model::fetch()?, &site)?;
    let start = say::begin("Writing the static files to dist");
    let dist = workspace.root.join("dist");
    files::remove(&dist)?;
    files::copy_folder(&site, &dist)?;
    let mut total = 0;
    for path in files::list(&dist)? {
        let size = fs::metadata(&path)?.len();
        say::note(format!(
            "{:>10}  {}",
            say::bytes(size),
            path.strip_prefix(&dist)?.display()
        ));
        total += size;
    }
    let total = say::bytes(total);
    say::done(
        start,
        format!("{total} in all; any static host can serve the folder"),
    );
    Ok(())
}
