//! Opening a model's files on the local disk.

use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::{fs, io};

use crate::files::{INDEX, choose, part_of, split_parts};
use crate::{CheckpointError, MappedFile, ModelFiles, safetensors};

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
        let mut files = ModelFiles::new(path.display().to_string());
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if part_of(name).is_some() {
            let folder = path.parent().unwrap_or(Path::new(""));
            map(path)?;
            let names = names_in(if folder == Path::new("") {
                Path::new(".")
            } else {
                folder
            })?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            for part in split_parts(name, &names)? {
                files.add(part, map(&folder.join(part))?);
            }
            return Ok(files);
        }
        // The name does not matter: the reader rejects files that are not GGUF.
        files.add("model.gguf", map(path)?);
        Ok(files)
    }
}

/// Opens the files of a folder in Hugging Face format, or its only GGUF file.
///
/// # Errors
/// When there is no model, or one of its files cannot be opened.
pub fn open_folder(folder: &Path) -> Result<ModelFiles<MappedFile>, CheckpointError> {
    let names = names_in(folder)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut files = ModelFiles::new(folder.display().to_string());
    let chosen = choose(&names)?;
    let shards = match chosen.contains(&"model.safetensors") {
        true => None,
        false => shards_of(folder, &names)?,
    };
    for name in chosen {
        // The index says which files the weights are in.
        if shards.is_none() || !name.ends_with(".safetensors") {
            files.add(name, map(&folder.join(name))?);
        }
    }
    for name in shards.into_iter().flatten() {
        let path = folder.join(&name);
        if !path.is_file() {
            return Err(CheckpointError::MissingShard(name));
        }
        files.add(name, map(&path)?);
    }
    Ok(files)
}

/// The files that the index of a folder names; `None` without an index.
fn shards_of(folder: &Path, names: &[&str]) -> Result<Option<BTreeSet<String>>, CheckpointError> {
    if !names.contains(&INDEX) {
        return Ok(None);
    }
    let path = folder.join(INDEX);
    let text = fs::read(&path).map_err(|reason| CheckpointError::Open {
        path: path.display().to_string(),
        reason,
    })?;
    let shards: BTreeSet<String> = safetensors::read_index(&text)?.into_values().collect();
    // An index from elsewhere must not name files outside of the folder.
    let is_inside = |name: &String| {
        let mut parts = Path::new(name).components();
        parts.all(|part| matches!(part, Component::Normal(_)))
    };
    match shards.iter().find(|name| !is_inside(name)) {
        Some(outside) => Err(CheckpointError::Damaged(format!(
            "{INDEX} names {outside}, which is not in the folder"
        ))),
        None => Ok(Some(shards)),
    }
}

/// The names of the files in a folder.
fn names_in(folder: &Path) -> Result<Vec<String>, CheckpointError> {
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
    Ok(names)
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
