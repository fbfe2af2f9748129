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

/// The optimiser.
pub struct WasmOpt {
    node: PathBuf,
    script: PathBuf,
}

impl WasmOpt {
    /// What was installed before.
    pub fn find(workspace: &Workspace) -> Option<Self> {
        let folder = folder(workspace);
        let script = folder.join("node_modules/binaryen/bin/wasm-opt");
        let node = shell::find("node")?;
        (installed(&folder).holds() && script.is_file()).then_some(Self { node, script })
    }

    /// Installs it into the target folder where npm is there and it is not yet.
    pub fn provide(workspace: &Workspace) -> Result<Option<Self>> {
        if let Some(found) = Self::find(workspace) {
            return Ok(Some(found));
        }
        let (Some(_), Some(npm)) = (shell::find("node"), shell::find("npm")) else {
            say::note("npm is not there: the page works, but is larger than need be");
            return Ok(None);
        };
        let folder = folder(workspace);
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
            return Ok(None);
        }
        installed(&folder).set()?;
        say::done(start, format!("binaryen {BINARYEN} is under target/tools"));
        Ok(Self::find(workspace))
    }

    /// What the result depends on besides the input.
    pub fn version(this: Option<&Self>) -> String {
        match this {
            Some(_) => format!("binaryen {BINARYEN} {FEATURES:?}"),
            None => "none".to_owned(),
        }
    }

    /// Writes the shrunk `from` to `to`.
    pub fn shrink(&self, from: &Path, to: &Path) -> Result<()> {
        let mut command = Command::new(&self.node);
        command
            .arg(&self.script)
            .arg("-Os")
            .args(FEATURES)
            .arg(from)
            .arg("-o")
            .arg(to);
        shell::run(&mut command, "wasm-opt")
    }
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace
        .target
        .join("tools")
        .join(format!("binaryen-{BINARYEN}"))
}

fn installed(folder: &Path) -> files::Stamp {
    files::Stamp::new(folder.join("installed"), BINARYEN.to_owned())
}
