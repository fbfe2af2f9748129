use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetFileOptions,
    FileSystemSyncAccessHandle,
};

use super::{StoredFile, file, record};
use crate::error::WorkerError;
use crate::scope;

/// Number of attempts, a quarter of a second apart, to open a file that another tab or the worker before a reload
/// still has open.
const OPEN_ATTEMPTS: u32 = 8;

/// A file that is created and deleted to probe the storage.
const PROBE: &str = "probe";

/// A folder of the origin-private file system.
pub struct Folder {
    handle: FileSystemDirectoryHandle,
}

impl Folder {
    /// Wraps an open folder.
    pub fn new(handle: FileSystemDirectoryHandle) -> Self {
        Self { handle }
    }

    /// The browser's own handle.
    pub fn handle(&self) -> &FileSystemDirectoryHandle {
        &self.handle
    }

    /// Opens a file of any name for reading and writing, and makes it if need be.
    pub async fn open_file(&self, name: &str) -> Result<StoredFile, WorkerError> {
        self.open_exact(&record::file_name(name)).await
    }

    /// As `open_file`, for a name that file systems take as it is.
    pub async fn open_exact(&self, name: &str) -> Result<StoredFile, WorkerError> {
        StoredFile::new(self.access(name).await?)
    }

    /// The text of a file, if it exists.
    pub async fn text(&self, name: &str) -> Option<String> {
        let handle = JsFuture::from(self.handle.get_file_handle(name))
            .await
            .ok()?;
        let handle: FileSystemFileHandle = handle.unchecked_into();
        let file: File = JsFuture::from(handle.get_file())
            .await
            .ok()?
            .unchecked_into();
        JsFuture::from(file.text()).await.ok()?.as_string()
    }

    /// Makes this the content of a file.
    pub async fn replace(&self, name: &str, content: &[u8]) -> Result<(), WorkerError> {
        let file = self.open_exact(name).await?;
        file.truncate(0)?;
        file.write(0, content)?;
        file.flush()
    }

    /// How many of `needed` bytes fit, to about a megabyte. Some browsers tell every site the same
    /// quota, so this makes a file of that length, which costs nothing before it is written.
    pub async fn room_for(&self, needed: u64) -> Result<u64, WorkerError> {
        let file = self.open_exact(PROBE).await?;
        let room = longest(needed, |length| match file.truncate(length) {
            Ok(()) => Ok(true),
            Err(WorkerError::Full) => Ok(false),
            Err(error) => Err(error),
        });
        drop(file);
        let _ = JsFuture::from(self.handle.remove_entry(PROBE)).await;
        room
    }

    /// Whether files can really be written: Safari's private windows offer the folder, but not
    /// the handle.
    pub async fn works(&self) -> bool {
        let works = match self.access(PROBE).await {
            Ok(handle) => {
                handle.close();
                true
            }
            Err(error) => matches!(error, WorkerError::Busy),
        };
        let _ = JsFuture::from(self.handle.remove_entry(PROBE)).await;
        works
    }

    async fn access(&self, name: &str) -> Result<FileSystemSyncAccessHandle, WorkerError> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        let handle = JsFuture::from(self.handle.get_file_handle_with_options(name, &options))
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

fn is_locked(error: &JsValue) -> bool {
    scope::error_name(error).as_deref() == Some("NoModificationAllowedError")
}

/// The greatest length up to `wanted` that `fits`, to about a megabyte.
fn longest<E>(wanted: u64, mut fits: impl FnMut(u64) -> Result<bool, E>) -> Result<u64, E> {
    const CLOSE: u64 = 1_000_000;
    if fits(wanted)? {
        return Ok(wanted);
    }
    let (mut fitting, mut too_long) = (0, wanted);
    while too_long - fitting > CLOSE {
        let middle = fitting + (too_long - fitting) / 2;
        if fits(middle)? {
            fitting = middle;
        } else {
            too_long = middle;
        }
    }
    Ok(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_found_to_about_a_megabyte() {
        let room = |wanted, free| longest::<()>(wanted, |length| Ok(length <= free)).unwrap();
        assert_eq!(room(5_000_000, 5_000_000), 5_000_000);
        assert_eq!(room(0, 0), 0);
        let found = room(7_000_000_000, 20_500_000);
        assert!((19_500_000..=20_500_000).contains(&found), "{found}");
        assert!(room(7_000_000_000, 0) <= 1_000_000);
        assert_eq!(longest(9, |_| Err("broken")), Err("broken"));
    }
}
