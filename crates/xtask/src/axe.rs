//! axe-core, with which the browser tests look for barriers in the page. It is not part of the site.

use std::path::PathBuf;

use anyhow::Result;

use crate::{npm::Tool, workspace::Workspace};

const AXE: Tool = Tool {
    package: "axe-core",
    version: "4.14.1",
    file: "axe.min.js",
    sha256: Some("29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"),
};

/// The script, if npm can bring it.
pub fn provide(workspace: &Workspace) -> Result<Option<PathBuf>> {
    AXE.provide(workspace, "the page is searched for barriers with it")
}
