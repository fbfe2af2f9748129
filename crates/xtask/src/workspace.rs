//! Where things lie in the working tree.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};

/// The repository's root and the folder for everything that is built.
pub struct Workspace {
    /// The folder that holds the workspace's Cargo.toml.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds the workspace from the variables that `cargo run` sets, else from the working folder.
    pub fn find() -> Result<Self> {
        let start = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => env::current_dir().context("cannot tell the working folder")?,
        };
        let root = start
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").is_file())
            .context("this is not a checkout of Vitrine: run `cargo xtask` inside the repository")?
            .to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The static site that `cargo xtask web` builds.
    pub fn site(&self) -> PathBuf {
        self.target.join("site")
    }

    /// The target folder of the wasm build: it may use another compiler than the native one.
    pub fn web_target(&self) -> PathBuf {
        self.target.join("web")
    }
}
