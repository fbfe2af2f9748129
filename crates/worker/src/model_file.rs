//! A model file in the browser's storage or, where there is none, in the worker's memory.

use std::borrow::Cow;
use std::ops::Range;

use js_sys::Uint8Array;
use vitrine_model::source::{ByteSource, SourceError};

use crate::error::WorkerError;
use crate::storage::StoredFile;

/// Where the bytes of a model lie.
pub enum ModelFile {
    /// In the origin-private file system; the next visit finds them.
    Stored(StoredFile),
    /// In memory; gone with the page.
    Memory(MemoryFile),
}

impl ModelFile {
    /// Writes all of `bytes` at `position`, which is at most the length so far.
    pub fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), WorkerError> {
        match self {
            Self::Stored(file) => file.write(position, bytes),
            Self::Memory(file) => file.write(position, bytes),
        }
    }

    /// Brings everything to the disk, if there is one.
    pub fn flush(&mut self) -> Result<(), WorkerError> {
        match self {
            Self::Stored(file) => file.flush(),
            Self::Memory(_) => Ok(()),
        }
    }

    /// The bytes in `range`.
    pub fn read_range(&self, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
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
        }
    }
}

impl ByteSource for ModelFile {
    fn len(&self) -> u64 {
        match self {
            Self::Stored(file) => file.len(),
            Self::Memory(file) => file.len,
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        self.read_range(range).map(Cow::Owned)
    }
}

/// Bytes in JavaScript's heap, so that wasm's own memory, which never shrinks, stays small.
#[derive(Default)]
pub struct MemoryFile {
    blocks: Vec<Uint8Array>,
    len: u64,
}

/// Length of a block of a `MemoryFile`.
const BLOCK: u64 = 1 << 24;

impl MemoryFile {
    fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), WorkerError> {
        let (mut position, mut bytes) = (position, bytes);
        while !bytes.is_empty() {
            let index = (position / BLOCK) as usize;
            while self.blocks.len() <= index {
                self.blocks.push(Uint8Array::new_with_length(BLOCK as u32));
            }
            let offset = position % BLOCK;
            let count = bytes.len().min((BLOCK - offset) as usize);
            let (head, tail) = bytes.split_at(count);
            let target = self.blocks[index].subarray(offset as u32, offset as u32 + count as u32);
            target.copy_from(head);
            position += count as u64;
            bytes = tail;
        }
        self.len = self.len.max(position);
        Ok(())
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(range.end.saturating_sub(range.start) as usize);
        let mut position = range.start;
        while position < range.end {
            let offset = position % BLOCK;
            let count = (range.end - position).min(BLOCK - offset);
            let block = &self.blocks[(position / BLOCK) as usize];
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
