use std::path::Path;
use std::{fs, io, process};

/// Writes a file whole or not at all: another process may read it now. Makes its folder.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = path.with_extension(format!("{}.part", process::id()));
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}
