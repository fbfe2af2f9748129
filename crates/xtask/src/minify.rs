//! `esbuild`, from the npm package `esbuild-wasm`: scripts and style sheets without what only
//! people need.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{npm::Tool, shell, workspace::Workspace};

/// In one version the same source gives the same bytes.
const ESBUILD: Tool = Tool {
    package: "esbuild-wasm",
    version: "0.25.12",
    file: "bin/esbuild",
    sha256: None,
};

/// Makes a file smaller where npm is there to bring the tool.
pub fn minify(workspace: &Workspace, file: &Path) -> Result<()> {
    let why = "it shrinks the page's script and style, which work without";
    let (Some(program), Some(node)) = (ESBUILD.provide(workspace, why)?, shell::find("node"))
    else {
        return Ok(());
    };
    let mut command = Command::new(node);
    command
        .arg(program)
        .args(["--minify", "--log-level=warning", "--allow-overwrite"])
        // wasm-bindgen names the module that fetches parts once for each of them; it is the same one.
        .arg("--log-override:duplicate-object-key=silent")
        .arg(file)
        .arg(format!("--outfile={}", file.display()));
    shell::run(&mut command, "esbuild")
}
