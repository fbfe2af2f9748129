//! The model hub's address, and the names of its models.

use leptos::prelude::document;
use vitrine_protocol::{HubId, ModelSource};

/// The default hub, unless `index.html` names another.
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// The hub's address: the `content` of `<meta name="vitrine-hub">`. The Content-Security-Policy there must allow the
/// same address.
pub fn endpoint() -> String {
    let found = document()
        .query_selector("meta[name=vitrine-hub]")
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"));
    let endpoint = found.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
    endpoint.trim_end_matches('/').to_owned()
}

/// Parses a model of the hub as typed by the user, in any spelling of [`HubId`].
pub fn parse(text: &str) -> Option<ModelSource> {
    let HubId {
        repo,
        revision,
        file,
    } = HubId::parse(text)?;
    Some(ModelSource::Hub {
        id: repo,
        revision,
        file,
    })
}

/// The text from which `parse` makes this model; empty for models that are not of the hub.
pub fn id_of(source: &ModelSource) -> String {
    let ModelSource::Hub { id, revision, file } = source else {
        return String::new();
    };
    let id = HubId {
        repo: id.clone(),
        revision: revision.clone(),
        file: file.clone(),
    };
    id.to_string()
}
