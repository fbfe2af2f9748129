//! The models of the site and of this browser's storage.

use vitrine_protocol::{Event, ModelSource, SiteModel};

use crate::error::WorkerError;
use crate::manifest::{self, Manifest};
use crate::storage::{self, Store};

/// The site's models in its order, and the stored models.
///
/// # Errors
/// When the site's list cannot be fetched and no model is stored.
pub async fn list(store: Option<&Store>) -> Result<Event, WorkerError> {
    let stored = match store {
        Some(store) => store.models().await,
        None => Vec::new(),
    };
    let offered = match manifest::fetch_index().await {
        Ok(offered) => offered,
        Err(error) if stored.is_empty() => return Err(error),
        Err(_) => Vec::new(),
    };

    let mut site = Vec::new();
    for name in offered {
        let manifest_url = manifest::url(&name);
        let source = ModelSource::Site {
            name: name.clone(),
            manifest_url,
        };
        let held = stored.iter().find(|held| held.source == source);
        let bytes = match (held, &source) {
            (Some(held), _) => Some(held.bytes),
            (None, ModelSource::Site { manifest_url, .. }) => Manifest::fetch(manifest_url)
                .await
                .ok()
                .map(|found| found.bytes),
            (None, _) => None,
        };
        let stored = held.is_some_and(|held| held.complete);
        site.push(SiteModel {
            source,
            name,
            bytes,
            stored,
        });
    }
    Ok(Event::Models {
        site,
        stored,
        room: storage::room().await,
    })
}
