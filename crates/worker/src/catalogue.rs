//! Which models there are: on the site, and in this browser.

use vitrine_protocol::ModelEntry;

use crate::error::WorkerError;
use crate::manifest::{self, Manifest};
use crate::storage::Store;

/// The site's models in its order, then others that the browser holds.
///
/// # Errors
/// When the site's list cannot be fetched and the browser holds none either.
pub async fn list(store: Option<&Store>) -> Result<Vec<ModelEntry>, WorkerError> {
    let held = match store {
        Some(store) => store.complete_models().await,
        None => Vec::new(),
    };
    let offered = match manifest::fetch_index().await {
        Ok(offered) => offered,
        Err(error) if held.is_empty() => return Err(error),
        Err(_) => Vec::new(),
    };

    let mut models = Vec::new();
    for source in offered {
        let stored = held
            .iter()
            .find(|(name, _)| *name == source.name)
            .map(|(_, bytes)| *bytes);
        let bytes = match stored {
            Some(bytes) => Some(bytes),
            None => Manifest::fetch(&source.manifest_url)
                .await
                .ok()
                .map(|found| found.bytes),
        };
        models.push(ModelEntry {
            source,
            bytes,
            stored: stored.is_some(),
        });
    }
    for (name, bytes) in held {
        if !models.iter().any(|entry| entry.source.name == name) {
            let source = manifest::source(name);
            models.push(ModelEntry {
                source,
                bytes: Some(bytes),
                stored: true,
            });
        }
    }
    Ok(models)
}
