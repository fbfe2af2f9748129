//! A model's files on this machine's disk.

use std::fs;
use std::io;
use std::path::Path;

use crate::files::choose;
use crate::{MappedFile, ModelError, ModelFiles};

/// Opens a GGUF file, or the folder of a model; for a file inside such a folder, the folder.
///
/// # Errors
/// When there is no model, or a file of it cannot be opened.
pub fn open_path(path: &Path) -> Result<ModelFiles<MappedFile>, ModelError> {
    let ending = path.extension().unwrap_or_default();
    if path.is_dir() {
        open_folder(path)
    } else if ending == "safetensors" || ending == "json" {
        // A bare name lies in the current folder.
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        map(path)?;
        open_folder(folder.unwrap_or(Path::new(".")))
    } else {
        // Whatever it is called: the reader tells when it is none.
        let files = ModelFiles::new(path.display().to_string());
        Ok(files.with("model.gguf", map(path)?))
    }
}

/// Opens the files of a folder in Hugging Face format, or its only GGUF file.
///
/// # Errors
/// When there is no model, or a file of it cannot be opened.
pub fn open_folder(folder: &Path) -> Result<ModelFiles<MappedFile>, ModelError> {
    let cannot_open = |reason| ModelError::Open {
        path: folder.display().to_string(),
        reason,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot_open)? {
        let entry = entry.map_err(cannot_open)?;
        // Names that are not Unicode belong to no model. A link that leads nowhere stays in the
        // list, so that opening it says what is missing.
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

fn map(path: &Path) -> Result<MappedFile, ModelError> {
    MappedFile::open(path).map_err(|reason| ModelError::Open {
        path: path.display().to_string(),
        reason: match reason.kind() {
            io::ErrorKind::NotFound if path.is_symlink() => {
                io::Error::new(reason.kind(), "it is a link to a file that is gone")
            }
            _ => reason,
        },
    })
}
