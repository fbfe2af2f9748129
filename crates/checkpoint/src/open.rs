//! Opening a model's files on the local disk.

use std::path::Path;
use std::{fs, io};

use crate::files::choose;
use crate::{CheckpointError, MappedFile, ModelFiles};

/// Opens a GGUF file or a model folder. A safetensors or JSON file opens the folder that contains it.
///
/// # Errors
/// When there is no model, or one of its files cannot be opened.
pub fn open_path(path: &Path) -> Result<ModelFiles<MappedFile>, CheckpointError> {
    let ending = path.extension().unwrap_or_default();
    if path.is_dir() {
        open_folder(path)
    } else if ending == "safetensors" || ending == "json" {
        // The parent of a bare file name is empty.
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        map(path)?;
        open_folder(folder.unwrap_or(Path::new(".")))
    } else {
        // The extension does not matter: the reader rejects files that are not GGUF.
        let files = ModelFiles::new(path.display().to_string());
        Ok(files.with("model.gguf", map(path)?))
    }
}

/// Opens the files of a folder in Hugging Face format, or its only GGUF file.
///
/// # Errors
/// When there is no model, or one of its files cannot be opened.
pub fn open_folder(folder: &Path) -> Result<ModelFiles<MappedFile>, CheckpointError> {
    let cannot_open = |reason| CheckpointError::Open {
        path: folder.display().to_string(),
        reason,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot_open)? {
        let entry = entry.map_err(cannot_open)?;
        // No model file has a name that is not Unicode. A dangling link stays in the list, so that
        // opening it reports what is missing.
        if !entry.path().is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut files = ModelFiles::new(folder.display().to_string());
    for name in choose(&names)? {
        files.add(name, map(&folder.join(name))?);
    }
    Ok(files)
}

fn map(path: &Path) -> Result<MappedFile, CheckpointError> {
    MappedFile::open(path).map_err(|reason| CheckpointError::Open {
        path: path.display().to_string(),
        reason: match reason.kind() {
            io::ErrorKind::NotFound if path.is_symlink() => {
                io::Error::new(reason.kind(), "it is a link to a missing file")
            }
            _ => reason,
        },
    })
}
