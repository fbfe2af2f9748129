//! `wasm-opt`, from the npm package `binaryen`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{npm::Tool, shell, workspace::Workspace};

/// In one version the same source gives the same bytes.
const BINARYEN: Tool = Tool {
    package: "binaryen",
    version: "132.0.0",
    file: "bin/wasm-opt",
    sha256: None,
};

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

/// What removes code and leaves the rest as it is. `-Os` writes fewer bytes, but less alike: as brotli
/// brings them over the wire they are a tenth more.
const PASSES: [&str; 8] = [
    "--duplicate-import-elimination",
    "--duplicate-function-elimination",
    "--remove-unused-module-elements",
    "--dae",
    "--optimize-instructions",
    "--vacuum",
    "--duplicate-function-elimination",
    "--reorder-locals",
];

/// The optimiser.
pub struct WasmOpt {
    node: PathBuf,
    script: PathBuf,
}

impl WasmOpt {
    /// What was installed before.
    pub fn find(workspace: &Workspace) -> Option<Self> {
        let script = BINARYEN.find(workspace)?;
        let node = shell::find("node")?;
        Some(Self { node, script })
    }

    /// Installs it into the target folder where npm is there and it is not yet.
    pub fn provide(workspace: &Workspace) -> Result<Option<Self>> {
        let why = "it shrinks the page, which works without, but is larger than need be";
        BINARYEN.provide(workspace, why)?;
        Ok(Self::find(workspace))
    }

    /// What the result depends on besides the input.
    pub fn version(this: Option<&Self>) -> String {
        match this {
            Some(_) => format!("binaryen {} {PASSES:?} {FEATURES:?}", BINARYEN.version),
            None => "none".to_owned(),
        }
    }

    /// Writes the shrunk `from` to `to`.
    pub fn shrink(&self, from: &Path, to: &Path) -> Result<()> {
        let mut command = Command::new(&self.node);
        command
            .arg(&self.script)
            .args(PASSES)
            .args(FEATURES)
            .arg(from)
            .arg("-o")
            .arg(to);
        shell::run(&mut command, "wasm-opt")
    }
}
