//! Downloads the default model from the model hub.

use std::path::{Path, PathBuf};

use crate::{HubError, Model, Progress, agent::agent, store::store};

/// The hub redirects to its storage, which may redirect again.
const MAX_REDIRECTS: u32 = 5;

pub(crate) fn fetch(
    model: &Model,
    folder: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, HubError> {
    let failed = |reason| HubError::Download {
        url: model.hub_url.to_owned(),
        reason,
    };
    let request = agent(true).get(model.hub_url);
    let mut response = request
        .config()
        .max_redirects(MAX_REDIRECTS)
        .build()
        .call()
        .map_err(|error| failed(error.to_string()))?;
    if !response.status().is_success() {
        return Err(failed(format!("status {}", response.status())));
    }
    let mut body = response
        .body_mut()
        .with_config()
        .limit(model.bytes + 1)
        .reader();
    store(model, folder, &mut body, "the model hub", progress)
}
