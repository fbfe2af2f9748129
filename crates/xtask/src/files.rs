//! Folders that are brought up to date, and stamps that tell what is. Errors of `fs_err` name the path.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use fs_err as fs;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// All files in a folder and the folders in it, in order.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// Copies a folder with all that is in it into another.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for file in list(from)? {
        let target = to.join(file.strip_prefix(from)?);
        fs::create_dir_all(target.parent().context("a file lies in a folder")?)?;
        fs::copy(file, target)?;
    }
    Ok(())
}

/// Writes a file and the folder it lies in.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, content)?)
}

/// Removes a file or a folder, if there is one.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The SHA-256 of a file in hexadecimal digits.
pub fn sha256(path: &Path) -> Result<String> {
    Ok(hex(&Sha256::digest(fs::read(path)?)))
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that records what a step was made from, so that the step is skipped while that stays the same.
pub struct Stamp {
    path: PathBuf,
    content: String,
}

impl Stamp {
    /// The stamp at `path` of a step whose inputs `content` describes.
    pub fn new(path: PathBuf, content: String) -> Self {
        Self { path, content }
    }

    /// Whether the step was done with these inputs.
    pub fn holds(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|content| content == self.content)
    }

    /// Records that the step is done.
    pub fn set(&self) -> Result<()> {
        write(&self.path, &self.content)
    }
}
