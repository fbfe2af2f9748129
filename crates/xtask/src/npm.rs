//! Tools from npm, each in one exact version, under `target/tools`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::{files, say, shell, workspace::Workspace};

/// A file of a package.
pub struct Tool {
    /// The package's name.
    pub package: &'static str,
    /// One exact version, so that everybody has the same bytes.
    pub version: &'static str,
    /// The file in the package.
    pub file: &'static str,
    /// Its SHA-256, where the file is run as it is.
    pub sha256: Option<&'static str>,
}

impl Tool {
    /// Where the file lies, if it was installed before.
    pub fn find(&self, workspace: &Workspace) -> Option<PathBuf> {
        let folder = self.folder(workspace);
        let file = folder
            .join("node_modules")
            .join(self.package)
            .join(self.file);
        (self.installed(&folder).holds() && file.is_file()).then_some(file)
    }

    /// Installs it where npm is there and it is not yet; `why` it is wanted. None where npm is not
    /// there or cannot.
    pub fn provide(&self, workspace: &Workspace, why: &str) -> Result<Option<PathBuf>> {
        if let Some(found) = self.find(workspace) {
            return Ok(Some(found));
        }
        let Self {
            package, version, ..
        } = self;
        let (Some(_), Some(npm)) = (shell::find("node"), shell::find("npm")) else {
            say::note(format!("npm is not there to bring {package}: {why}"));
            return Ok(None);
        };
        let folder = self.folder(workspace);
        let start = say::begin(format!("Installing {package} with npm: {why}"));
        files::create_folder(&folder)?;
        let status = Command::new(npm)
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
            .args(["--loglevel=error", "--prefix"])
            .arg(&folder)
            .arg(format!("{package}@{version}"))
            .status();
        if !status.is_ok_and(|status| status.success()) {
            say::note(format!("npm could not install {package}: going on without"));
            return Ok(None);
        }
        if let Some(wanted) = self.sha256 {
            let file = folder.join("node_modules").join(package).join(self.file);
            let found = files::sha256(&file)?;
            ensure!(
                found == wanted,
                "{package} {version} is not what it was: {} has the SHA-256 {found}, not {wanted}; \
                 delete {} and look where npm gets its packages from",
                file.display(),
                folder.display()
            );
        }
        self.installed(&folder).set()?;
        say::done(start, format!("{package} {version} is under target/tools"));
        Ok(self.find(workspace))
    }

    fn folder(&self, workspace: &Workspace) -> PathBuf {
        let name = format!("{}-{}", self.package, self.version);
        workspace.target.join("tools").join(name)
    }

    fn installed(&self, folder: &Path) -> files::Stamp {
        files::Stamp::new(folder.join("installed"), self.version.to_owned())
    }
}
