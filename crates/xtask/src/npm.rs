//! Tools from npm, in the versions of `web/tools/package-lock.json`, under `target/tools`.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{
    files::{self, Stamp},
    say, shell,
    workspace::Workspace,
};

/// The installed packages, and the program that runs them.
pub struct Tools {
    node: PathBuf,
    modules: PathBuf,
}

impl Tools {
    /// Installs them the first time; npm checks the hashes of the lock file. `None` where there is no npm.
    pub fn provide(workspace: &Workspace) -> Result<Option<Self>> {
        let (Some(node), Some(npm)) = (shell::find("node"), shell::find("npm")) else {
            say::note(
                "without npm the page works, but is larger, and is not searched for barriers",
            );
            return Ok(None);
        };
        let folder = workspace.target.join("tools");
        let source = workspace.root.join("web/tools");
        let stamp = Stamp::new(
            folder.join("installed"),
            files::sha256(&source.join("package-lock.json"))?,
        );
        if !stamp.holds() {
            let start = say::begin("Installing wasm-opt, esbuild and axe-core with npm");
            files::copy_folder(&source, &folder)?;
            let mut install = Command::new(npm);
            install
                .args([
                    "ci",
                    "--no-audit",
                    "--no-fund",
                    "--ignore-scripts",
                    "--loglevel=error",
                ])
                .current_dir(&folder);
            if shell::run(&mut install, "`npm ci`").is_err() {
                say::note("npm could not install them: the page works, but is larger");
                return Ok(None);
            }
            stamp.set()?;
            say::done(start, "installed under target/tools");
        }
        Ok(Some(Self {
            node,
            modules: folder.join("node_modules"),
        }))
    }

    /// A command that runs the script `file` of a package.
    pub fn command(&self, file: &str) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(self.path(file));
        command
    }

    /// Where a file of a package lies.
    pub fn path(&self, file: &str) -> PathBuf {
        self.modules.join(file)
    }
}
