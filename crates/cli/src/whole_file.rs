use std::path::Path;
use std::{fs, io, process};

/// Writes a file atomically, because another process may be reading it. Creates its folder.
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
