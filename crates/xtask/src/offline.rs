//! The service worker: its script knows every file of the site by its bytes.

use std::path::Path;

use anyhow::Result;
use base64::{Engine, prelude::BASE64_STANDARD};
use fs_err as fs;
use sha2::{Digest, Sha256};

use crate::{files, say, workspace::Workspace};

/// The script's name in the site.
const SCRIPT: &str = "service-worker.js";

/// Where the page is, relative to the site.
const PAGE: &str = "./";

/// Kept by others: a model stays in the browser's own storage once it was loaded.
const NOT_KEPT: [&str; 2] = ["models", SCRIPT];

/// Writes the service worker of what is in `site`.
pub fn write(workspace: &Workspace, site: &Path) -> Result<()> {
    let mut paths = files::list(site)?;
    paths.retain(|path| {
        !NOT_KEPT
            .iter()
            .any(|name| path.starts_with(site.join(name)))
    });
    let mut entries = Vec::new();
    let mut build = Sha256::new();
    for path in &paths {
        let name = address(site, path)?;
        let content = fs::read(path)?;
        let integrity = format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(content)));
        build.update(format!("{name} {integrity}\n"));
        // A site may change its page, as for another hub; then it has other bytes.
        let checked = (name != PAGE).then_some(integrity);
        entries.push((name, checked));
    }
    let source = workspace.root.join("web").join(SCRIPT);
    let script = fs::read_to_string(&source)?;
    build.update(&script);
    let build = files::hex(&build.finalize()[..8]);
    let text = format!(
        "const BUILD = \"{build}\";\nconst FILES = {};\n{script}",
        serde_json::to_string(&entries)?
    );
    files::write(&site.join(SCRIPT), text)?;
    say::note(format!(
        "build {build}: {} files work without a network",
        paths.len()
    ));
    Ok(())
}

/// How the page asks for a file; hosts answer `./` with index.html, and some redirect its name.
fn address(site: &Path, path: &Path) -> Result<String> {
    let parts = path
        .strip_prefix(site)?
        .iter()
        .map(|part| part.to_string_lossy());
    let name = parts.collect::<Vec<_>>().join("/");
    Ok(if name == "index.html" {
        PAGE.to_owned()
    } else {
        name
    })
}
