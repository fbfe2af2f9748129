use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use crate::source::{ByteSource, SourceError};

/// A model file on disk, mapped into memory: only the pages that are read become resident.
pub struct MappedFile {
    map: memmap2::Mmap,
}

impl MappedFile {
    /// Maps a file.
    ///
    /// # Errors
    /// When it cannot be opened or mapped.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Err(std::io::Error::other("the file is empty"));
        }
        // SAFETY: the map is read-only. Another program that truncates the file meanwhile could
        // stop this one with SIGBUS; a model cache is not written in place, so that is accepted.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Self { map })
    }
}

impl ByteSource for MappedFile {
    fn len(&self) -> u64 {
        self.map.len() as u64
    }

    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        // A map's length fits usize, so a range that fits the file does too.
        self.map
            .get(range.start as usize..range.end as usize)
            .map(Cow::Borrowed)
            .ok_or(SourceError::Truncated {
                end: range.end,
                len: self.len(),
            })
    }
}
