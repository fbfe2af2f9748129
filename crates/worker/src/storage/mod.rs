//! Models in the origin-private file system, which survives reloads and needs no network.
//!
//! A model `m` is two files: `m.gguf` with its bytes, and `m.json` with a `Record` of how many of
//! them arrived and whether they were verified.

mod file;
mod record;

pub use file::StoredFile;
pub use record::Record;

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemSyncAccessHandle, StorageEstimate,
};

use crate::error::WorkerError;
use crate::scope;

/// The folder that holds the models.
const FOLDER: &str = "models";

/// A file that another tab, or the worker of the page before a reload, still holds is tried again
/// this often, a quarter of a second apart.
const OPEN_ATTEMPTS: u32 = 8;

/// The folder of models.
pub struct Store {
    folder: FileSystemDirectoryHandle,
}

impl Store {
    /// Opens the folder; none where the browser has no such storage (private windows).
    pub async fn open() -> Option<Self> {
        let root = JsFuture::from(scope::storage_manager()?.get_directory())
            .await
            .ok()?;
        let root: FileSystemDirectoryHandle = root.unchecked_into();
        let options = FileSystemGetDirectoryOptions::new();
        options.set_create(true);
        let folder = root.get_directory_handle_with_options(FOLDER, &options);
        let folder = JsFuture::from(folder).await.ok()?.unchecked_into();
        let store = Self { folder };
        store.works().await.then_some(store)
    }

    /// The record of a model; none if there is no such model or the record is unreadable.
    pub async fn record(&self, name: &str) -> Option<Record> {
        let handle = JsFuture::from(self.folder.get_file_handle(&record_name(name)))
            .await
            .ok()?;
        let handle: FileSystemFileHandle = handle.unchecked_into();
        let file: File = JsFuture::from(handle.get_file())
            .await
            .ok()?
            .unchecked_into();
        let text = JsFuture::from(file.text()).await.ok()?.as_string()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the record of a model.
    pub async fn write_record(&self, name: &str, record: &Record) -> Result<(), WorkerError> {
        let json =
            serde_json::to_vec(record).map_err(|error| WorkerError::Storage(error.to_string()))?;
        let mut file = StoredFile::new(self.open_handle(&record_name(name)).await?)?;
        file.truncate(0)?;
        file.write(0, &json)?;
        file.flush()
    }

    /// Opens the bytes of a model for reading and writing, and makes the file if need be.
    pub async fn open_file(&self, name: &str) -> Result<StoredFile, WorkerError> {
        StoredFile::new(self.open_handle(&file_name(name)).await?)
    }

    /// Deletes a model.
    pub async fn remove(&self, name: &str) {
        for file in [record_name(name), file_name(name)] {
            // What is not there need not be deleted.
            let _ = JsFuture::from(self.folder.remove_entry(&file)).await;
        }
    }

    /// Names and lengths of the models that are here as a whole.
    pub async fn complete_models(&self) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        for name in self.names().await {
            if let Some(record) = self.record(&name).await.filter(|record| record.verified) {
                found.push((name, record.bytes));
            }
        }
        found
    }

    /// Deletes all models, begun ones too.
    pub async fn clear(&self) {
        for name in self.names().await {
            self.remove(&name).await;
        }
    }

    /// Whether files can really be written: Safari's private windows offer the folder, but not
    /// the handle.
    async fn works(&self) -> bool {
        const PROBE: &str = "probe";
        let works = match self.open_handle(PROBE).await {
            Ok(handle) => {
                handle.close();
                true
            }
            Err(error) => matches!(error, WorkerError::Busy),
        };
        let _ = JsFuture::from(self.folder.remove_entry(PROBE)).await;
        works
    }

    /// The models that have a record, in order of name.
    async fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let keys = self.folder.keys();
        while let Ok(promise) = keys.next() {
            let Ok(item) = JsFuture::from(promise).await else {
                break;
            };
            let value = Reflect::get(&item, &JsValue::from_str("value")).unwrap_or_default();
            let Some(key) = value.as_string() else { break };
            if let Some(name) = key.strip_suffix(".json") {
                names.push(name.to_owned());
            }
        }
        names.sort();
        names
    }

    async fn open_handle(&self, file: &str) -> Result<FileSystemSyncAccessHandle, WorkerError> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        let handle = JsFuture::from(self.folder.get_file_handle_with_options(file, &options))
            .await
            .map_err(|error| file::storage_error(&error))?;
        let handle: FileSystemFileHandle = handle.unchecked_into();
        for _ in 0..OPEN_ATTEMPTS {
            match JsFuture::from(handle.create_sync_access_handle()).await {
                Ok(access) => return Ok(access.unchecked_into()),
                Err(error) if is_locked(&error) => scope::sleep(250).await,
                Err(error) => return Err(file::storage_error(&error)),
            }
        }
        Err(WorkerError::Busy)
    }
}

/// Bytes that this site may still store; none where the browser does not tell.
pub async fn free_bytes() -> Option<u64> {
    let estimate = JsFuture::from(scope::storage_manager()?.estimate().ok()?)
        .await
        .ok()?;
    let estimate: StorageEstimate = estimate.unchecked_into();
    let free = estimate.get_quota()? - estimate.get_usage()?;
    Some(free.max(0.0) as u64)
}

fn is_locked(error: &JsValue) -> bool {
    scope::error_name(error).as_deref() == Some("NoModificationAllowedError")
}

fn file_name(name: &str) -> String {
    format!("{name}.gguf")
}

fn record_name(name: &str) -> String {
    format!("{name}.json")
}
