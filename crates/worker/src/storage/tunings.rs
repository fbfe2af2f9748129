use super::{Folder, record, top_folder};
use crate::error::WorkerError;

/// The folder that holds them.
const FOLDER: &str = "tuning";

/// What was measured of adapters, a file for each.
pub struct Tunings {
    folder: Folder,
}

impl Tunings {
    /// Opens the folder; none where the browser has no such storage.
    pub async fn open() -> Option<Self> {
        let folder = top_folder(FOLDER).await?;
        Some(Self { folder })
    }

    /// What is kept of an adapter.
    pub async fn read(&self, adapter: &str) -> Option<String> {
        self.folder.text(&record::file_name(adapter)).await
    }

    /// Keeps what is known of an adapter.
    pub async fn write(&self, adapter: &str, json: &str) -> Result<(), WorkerError> {
        let name = record::file_name(adapter);
        self.folder.replace(&name, json.as_bytes()).await
    }
}
