//! Cache folder of the default model and of tuning results, shared by all Vitrine programs on this machine.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::{HubError, Model};

/// The folder for models: `VITRINE_CACHE`, or `vitrine/models` in the platform's cache folder. It may not exist yet.
pub fn cache_folder() -> Result<PathBuf, HubError> {
    folder_from(|name| env::var_os(name).filter(|value| !value.is_empty()))
        .ok_or(HubError::NoCacheFolder)
}

/// The folder for tuning results of adapters: `adapters` next to the models' folder, or inside `VITRINE_CACHE`. It may
/// not exist yet.
pub fn adapters_folder() -> Result<PathBuf, HubError> {
    let models = cache_folder()?;
    let folder = match models.ends_with("vitrine/models") {
        true => models.with_file_name("adapters"),
        false => models.join("adapters"),
    };
    Ok(folder)
}

/// The model's file, if it is in the cache folder.
///
/// Only the name and the length are checked: a file gets its final name after its checksum was verified.
pub fn find(model: &Model) -> Result<Option<PathBuf>, HubError> {
    let path = cache_folder()?.join(model.file_name);
    Ok(has_length(&path, model.bytes).then_some(path))
}

fn has_length(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes)
}

fn folder_from(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(folder) = variable("VITRINE_CACHE") {
        return Some(PathBuf::from(folder));
    }
    let platform = if cfg!(windows) {
        PathBuf::from(variable("LOCALAPPDATA")?)
    } else if cfg!(target_os = "macos") {
        PathBuf::from(variable("HOME")?).join("Library/Caches")
    } else if let Some(folder) = variable("XDG_CACHE_HOME") {
        PathBuf::from(folder)
    } else {
        PathBuf::from(variable("HOME")?).join(".cache")
    };
    Some(platform.join("vitrine").join("models"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Option<PathBuf> {
        folder_from(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        })
    }

    #[test]
    fn vitrine_cache_is_taken_as_it_is() {
        let folder = with(&[("VITRINE_CACHE", "/models"), ("HOME", "/home/a")]);
        assert_eq!(folder, Some(PathBuf::from("/models")));
    }

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_cache_lies_where_the_platform_wants_it() {
        assert_eq!(
            with(&[("HOME", "/home/a")]),
            Some(PathBuf::from("/home/a/.cache/vitrine/models"))
        );
        assert_eq!(
            with(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/c")]),
            Some(PathBuf::from("/c/vitrine/models"))
        );
        assert_eq!(with(&[]), None);
    }

    #[test]
    fn a_file_of_another_length_is_not_the_model() {
        let path = env::temp_dir().join(format!("vitrine-hub-length-{}", std::process::id()));
        fs::write(&path, b"abc").unwrap();
        assert!(has_length(&path, 3));
        assert!(!has_length(&path, 4));
        fs::remove_file(&path).unwrap();
        assert!(!has_length(&path, 3));
    }
}
