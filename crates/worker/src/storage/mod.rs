//! Models in the origin-private file system, which persists across visits.
//!
//! A model with the key `k` is a folder `k` with its files, and `k.json` beside it with a `Record` of how much of
//! each file arrived and whether it was verified. The measured tunings of adapters are stored there too.

mod file;
mod folder;
mod record;
mod tunings;

pub use file::StoredFile;
pub use folder::Folder;
pub use record::{FileRecord, Record, key, title};
pub use tunings::Tunings;

use js_sys::Reflect;
use vitrine_protocol::{ModelSource, StorageRoom, StoredModel};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    FileSystemDirectoryHandle, FileSystemGetDirectoryOptions, FileSystemRemoveOptions,
    StorageEstimate,
};

use crate::error::WorkerError;
use crate::scope;

/// The folder that holds the models.
const FOLDER: &str = "models";

/// What a record's name ends with.
const RECORD: &str = ".json";

/// The folder of models.
pub struct Store {
    folder: Folder,
}

impl Store {
    /// Opens the folder; none where the browser has no such storage (private windows).
    pub async fn open() -> Option<Self> {
        let store = Self {
            folder: top_folder(FOLDER).await?,
        };
        store.folder.works().await.then_some(store)
    }

    /// The folder of a model, made if need be.
    pub async fn model(&self, key: &str) -> Result<Folder, WorkerError> {
        let folder = subfolder(self.folder.handle(), key).await;
        Ok(Folder::new(
            folder.map_err(|error| file::storage_error(&error))?,
        ))
    }

    /// The record of a model; none if there is no such model or the record is unreadable.
    pub async fn record(&self, key: &str) -> Option<Record> {
        let text = self.folder.text(&format!("{key}{RECORD}")).await?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the record of a model.
    pub async fn write_record(&self, key: &str, record: &Record) -> Result<(), WorkerError> {
        let json =
            serde_json::to_vec(record).map_err(|error| WorkerError::Storage(error.to_string()))?;
        self.folder.replace(&format!("{key}{RECORD}"), &json).await
    }

    /// Refuses files that do not fit.
    pub async fn check_room(&self, needed: u64) -> Result<(), WorkerError> {
        let told = room().await.map_or(needed, |room| room.free);
        let free = if told < needed {
            told
        } else {
            self.folder.room_for(needed).await?
        };
        if free < needed {
            Err(WorkerError::Quota { needed, free })
        } else {
            Ok(())
        }
    }

    /// Deletes a model.
    pub async fn remove(&self, key: &str) {
        self.delete(&format!("{key}{RECORD}")).await;
        self.delete(key).await;
    }

    /// Deletes the stored files of a refused model if they are useless.
    pub async fn forget_refused(&self, source: &ModelSource) {
        let key = key(source);
        let useless = match source {
            // The site offers nothing that cannot be used, so it is damaged, and fetched anew.
            ModelSource::Site { .. } => true,
            // With more of it, it would be refused again; what is whole another version may read.
            ModelSource::Hub { .. } => self.record(&key).await.is_some_and(|it| !it.complete()),
            ModelSource::Local { .. } | ModelSource::Kept { .. } => false,
        };
        if useless {
            self.remove(&key).await;
        }
    }

    /// The stored models, complete or partial, in order of key.
    pub async fn models(&self) -> Vec<StoredModel> {
        let mut models = Vec::new();
        for name in self.names().await {
            if let Some(key) = name.strip_suffix(RECORD)
                && let Some(record) = self.record(key).await
            {
                models.push(record.summary(key.to_owned()));
            }
        }
        models
    }

    /// Deletes all models, including partial ones.
    pub async fn clear(&self) {
        for name in self.names().await {
            self.delete(&name).await;
        }
    }

    async fn delete(&self, name: &str) {
        let options = FileSystemRemoveOptions::new();
        options.set_recursive(true);
        let removal = self
            .folder
            .handle()
            .remove_entry_with_options(name, &options);
        // A missing file needs no deletion.
        let _ = JsFuture::from(removal).await;
    }

    async fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let keys = self.folder.handle().keys();
        while let Ok(promise) = keys.next() {
            let Ok(item) = JsFuture::from(promise).await else {
                break;
            };
            let value = Reflect::get(&item, &JsValue::from_str("value")).unwrap_or_default();
            let Some(key) = value.as_string() else { break };
            names.push(key);
        }
        names.sort();
        names
    }
}

/// Storage usage of this site, if the browser reports it.
pub async fn room() -> Option<StorageRoom> {
    let estimate = JsFuture::from(scope::storage_manager()?.estimate().ok()?)
        .await
        .ok()?;
    let estimate: StorageEstimate = estimate.unchecked_into();
    let (quota, used) = (estimate.get_quota()?, estimate.get_usage()?);
    Some(StorageRoom {
        used: used as u64,
        free: (quota - used).max(0.0) as u64,
    })
}

/// A folder of this site, made if need be; none where the browser has no such storage.
async fn top_folder(name: &str) -> Option<Folder> {
    let root = JsFuture::from(scope::storage_manager()?.get_directory())
        .await
        .ok()?;
    let folder = subfolder(&root.unchecked_into(), name).await.ok()?;
    Some(Folder::new(folder))
}

async fn subfolder(
    parent: &FileSystemDirectoryHandle,
    name: &str,
) -> Result<FileSystemDirectoryHandle, JsValue> {
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(true);
    let folder = JsFuture::from(parent.get_directory_handle_with_options(name, &options)).await?;
    Ok(folder.unchecked_into())
}
