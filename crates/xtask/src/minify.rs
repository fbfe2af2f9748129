//! `esbuild`, from the npm package `esbuild-wasm`: JavaScript without what only people need.

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

/// Makes a script smaller where npm is there to bring the tool.
pub fn minify(workspace: &Workspace, script: &Path) -> Result<()> {
    let why = "it shrinks the page's script, which works without";
    let (Some(program), Some(node)) = (ESBUILD.provide(workspace, why)?, shell::find("node"))
    else {
        return Ok(());
    };
    let mut command = Command::new(node);
    command
        .arg(program)
        .args(["--minify", "--log-level=warning", "--allow-overwrite"])
        .arg(script)
        .arg(format!("--outfile={}", script.display()));
    shell::run(&mut command, "esbuild")
}
