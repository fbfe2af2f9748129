//! `wasm-opt`, from the npm package `binaryen`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{files, say, shell, workspace::Workspace};

/// One exact version, so that the same source gives the same bytes.
const BINARYEN: &str = "132.0.0";

/// What Rust's wasm32 target uses, and every browser with WebGPU has.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The optimiser, or its absence.
pub struct WasmOpt(Option<Tool>);

struct Tool {
    node: PathBuf,
    script: PathBuf,
}

impl WasmOpt {
    /// Installs `wasm-opt` into the target folder where npm is there and it is not yet.
    pub fn prepare(workspace: &Workspace) -> Result<Self> {
        let (Some(node), Some(npm)) = (shell::find("node"), shell::find("npm")) else {
            say::note("npm is not there: the page works, but is larger than need be");
            return Ok(Self(None));
        };
        let folder = workspace
            .target
            .join("tools")
            .join(format!("binaryen-{BINARYEN}"));
        let script = folder.join("node_modules/binaryen/bin/wasm-opt");
        let installed = files::Stamp::new(folder.join("installed"), BINARYEN.to_owned());
        if !installed.holds() || !script.is_file() {
            let start = say::begin("Installing wasm-opt with npm: it shrinks the page");
            files::create_folder(&folder)?;
            let status = Command::new(npm)
                .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
                .args(["--loglevel=error", "--prefix"])
                .arg(&folder)
                .arg(format!("binaryen@{BINARYEN}"))
                .status();
            if !status.is_ok_and(|status| status.success()) {
                say::note("npm could not install it: the page works, but is larger than need be");
                return Ok(Self(None));
            }
            installed.set()?;
            say::done(start, format!("binaryen {BINARYEN} is under target/tools"));
        }
        Ok(Self(Some(Tool { node, script })))
    }

    /// What the result depends on besides the input.
    pub fn version(&self) -> String {
        match &self.0 {
            Some(_) => format!("binaryen {BINARYEN} {FEATURES:?}"),
            None => "none".to_owned(),
        }
    }

    /// Writes the shrunk `from`, or a copy of it, to `to`.
    pub fn shrink(&self, from: &Path, to: &Path) -> Result<()> {
        let Some(tool) = &self.0 else {
            return files::copy(from, to);
        };
        let mut command = Command::new(&tool.node);
        command
            .arg(&tool.script)
            .arg("-Os")
            .args(FEATURES)
            .arg(from)
            .arg("-o")
            .arg(to);
        shell::run(&mut command, "wasm-opt")
    }
}
