//! A model file in the browser's storage, in the worker's memory if there is none, or in place where the user picked
//! it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::Range;

use js_sys::Uint8Array;
use vitrine_checkpoint::source::{ByteSource, SourceError};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use crate::error::WorkerError;
use crate::scope;
use crate::storage::StoredFile;

/// The location of a file's bytes.
pub enum ModelFile {
    /// In the origin-private file system; the next visit finds them.
    Stored(StoredFile),
    /// In memory, until the page is closed.
    Memory(MemoryFile),
    /// Picked by the user; read in place.
    Picked(Blob),
}

impl ModelFile {
    /// Writes all of `bytes` at `position`, which is at most the length so far.
    pub fn write(&self, position: u64, bytes: &[u8]) -> Result<(), WorkerError> {
        match self {
            Self::Stored(file) => file.write(position, bytes),
            Self::Memory(file) => {
                file.write(position, bytes);
                Ok(())
            }
            Self::Picked(_) => Err(WorkerError::Storage(String::from(
                "picked files are only read",
            ))),
        }
    }

    /// Flushes to disk.
    pub fn flush(&self) -> Result<(), WorkerError> {
        match self {
            Self::Stored(file) => file.flush(),
            Self::Memory(_) | Self::Picked(_) => Ok(()),
        }
    }

    /// The bytes in `range`.
    pub async fn read_range(&self, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let (end, len) = (range.end, self.len());
        if end > len {
            return Err(SourceError::Truncated { end, len });
        }
        match self {
            Self::Stored(file) => {
                let expected = end.saturating_sub(range.start);
                let bytes = file
                    .read(range)
                    .map_err(|error| SourceError::Storage(error.to_string()))?;
                if bytes.len() as u64 == expected {
                    Ok(bytes)
                } else {
                    Err(SourceError::Truncated { end, len })
                }
            }
            Self::Memory(file) => Ok(file.read(range)),
            Self::Picked(blob) => read_blob(blob, range).await,
        }
    }
}

impl ByteSource for ModelFile {
    fn len(&self) -> u64 {
        match self {
            Self::Stored(file) => file.len(),
            Self::Memory(file) => file.len.get(),
            Self::Picked(blob) => blob.size() as u64,
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        self.read_range(range).await.map(Cow::Owned)
    }
}

/// The file may have been changed, moved or deleted since it was picked.
async fn read_blob(blob: &Blob, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
    let failed = |error: JsValue| {
        SourceError::Storage(format!(
            "the browser could not read the picked file ({})",
            scope::describe(&error)
        ))
    };
    let slice = blob
        .slice_with_f64_and_f64(range.start as f64, range.end as f64)
        .map_err(failed)?;
    let buffer = JsFuture::from(slice.array_buffer()).await.map_err(failed)?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// Bytes in JavaScript's heap, so that wasm's own memory, which never shrinks, stays small.
#[derive(Default)]
pub struct MemoryFile {
    blocks: RefCell<Vec<Uint8Array>>,
    len: Cell<u64>,
}

/// Length of a block of a `MemoryFile`.
const BLOCK: u64 = 1 << 24;

impl MemoryFile {
    fn write(&self, position: u64, bytes: &[u8]) {
        let mut blocks = self.blocks.borrow_mut();
        let (mut position, mut bytes) = (position, bytes);
        while !bytes.is_empty() {
            let index = (position / BLOCK) as usize;
            while blocks.len() <= index {
                blocks.push(Uint8Array::new_with_length(BLOCK as u32));
            }
            let offset = position % BLOCK;
            let count = bytes.len().min((BLOCK - offset) as usize);
            let (head, tail) = bytes.split_at(count);
            let target = blocks[index].subarray(offset as u32, offset as u32 + count as u32);
            target.copy_from(head);
            position += count as u64;
            bytes = tail;
        }
        self.len.set(self.len.get().max(position));
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(range.end.saturating_sub(range.start) as usize);
        let blocks = self.blocks.borrow();
        let mut position = range.start;
        while position < range.end {
            let offset = position % BLOCK;
            let count = (range.end - position).min(BLOCK - offset);
            let block = &blocks[(position / BLOCK) as usize];
            bytes.extend(
                block
                    .subarray(offset as u32, (offset + count) as u32)
                    .to_vec(),
            );
            position += count;
        }
        bytes
    }
}
