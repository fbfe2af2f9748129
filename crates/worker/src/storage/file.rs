use std::cell::Cell;
use std::ops::Range;

use wasm_bindgen::JsValue;
use web_sys::{FileSystemReadWriteOptions, FileSystemSyncAccessHandle};

use crate::error::WorkerError;
use crate::scope;

/// An open file of the origin-private file system. No other tab can open it at the same time.
pub struct StoredFile {
    handle: FileSystemSyncAccessHandle,
    len: Cell<u64>,
}

impl StoredFile {
    /// Wraps an open handle.
    pub fn new(handle: FileSystemSyncAccessHandle) -> Result<Self, WorkerError> {
        let len = handle.get_size().map_err(|error| storage_error(&error))? as u64;
        let len = Cell::new(len);
        Ok(Self { handle, len })
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len.get()
    }

    /// Writes all of `bytes` at `position`.
    pub fn write(&self, position: u64, bytes: &[u8]) -> Result<(), WorkerError> {
        let written = self
            .handle
            .write_with_u8_array_and_options(bytes, &at(position))
            .map_err(|error| storage_error(&error))? as usize;
        if written != bytes.len() {
            return Err(WorkerError::Full);
        }
        self.len.set(self.len().max(position + bytes.len() as u64));
        Ok(())
    }

    /// The bytes in `range`; fewer where the file ends.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<u8>, WorkerError> {
        let mut bytes = vec![0; range.end.saturating_sub(range.start) as usize];
        let read = self
            .handle
            .read_with_u8_array_and_options(&mut bytes, &at(range.start))
            .map_err(|error| storage_error(&error))?;
        bytes.truncate(read as usize);
        Ok(bytes)
    }

    /// Cuts the file.
    pub fn truncate(&self, len: u64) -> Result<(), WorkerError> {
        self.handle
            .truncate_with_f64(len as f64)
            .map_err(|error| storage_error(&error))?;
        self.len.set(len);
        Ok(())
    }

    /// Flushes to disk.
    pub fn flush(&self) -> Result<(), WorkerError> {
        self.handle.flush().map_err(|error| storage_error(&error))
    }
}

impl Drop for StoredFile {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Converts a storage exception to an error for the user.
pub fn storage_error(error: &JsValue) -> WorkerError {
    match scope::error_name(error).as_deref() {
        Some("QuotaExceededError") => WorkerError::Full,
        _ => WorkerError::Storage(scope::describe(error)),
    }
}

fn at(position: u64) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at(position as f64);
    options
}
