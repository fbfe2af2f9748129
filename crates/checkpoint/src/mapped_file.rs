use std::borrow::Cow;
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::source::{ByteSource, SourceError};

/// A memory-mapped model file. Only pages that are read become resident, and they are released soon.
pub struct MappedFile {
    map: memmap2::Mmap,
    /// Bytes read so far.
    read: AtomicU64,
    /// Value of `read` when pages were last released.
    released: AtomicU64,
}

/// Bytes read between two releases of pages: mapped pages count as memory of the process.
const RELEASE_EVERY: u64 = 32 << 20;

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
        // SAFETY: the map is read-only. If another program truncates the file meanwhile, this one can
        // die of SIGBUS; a model cache is not written in place, so that is accepted.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Self {
            map,
            read: AtomicU64::new(0),
            released: AtomicU64::new(0),
        })
    }

    /// Whether at least as many bytes were read as the file has.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.read.load(Ordering::Relaxed) >= self.map.len() as u64
    }

    /// Counts bytes that are about to be read, and releases the pages of earlier reads from time to
    /// time. Pages that are still borrowed are read from the file again when they are touched.
    fn count(&self, bytes: u64) {
        let before = self.read.fetch_add(bytes, Ordering::Relaxed);
        let held = before + bytes - self.released.load(Ordering::Relaxed);
        if held < RELEASE_EVERY {
            return;
        }
        self.released.store(before, Ordering::Relaxed);
        // SAFETY: the map is shared and read-only, so the file has the contents of every page, and
        // dropping pages changes no visible byte.
        #[cfg(unix)]
        let _ = unsafe {
            self.map
                .unchecked_advise(memmap2::UncheckedAdvice::DontNeed)
        };
    }
}

impl ByteSource for MappedFile {
    fn len(&self) -> u64 {
        self.map.len() as u64
    }

    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let truncated = SourceError::Truncated {
            end: range.end,
            len: self.len(),
        };
        let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end))
        else {
            return Err(truncated);
        };
        let bytes = self.map.get(start..end).ok_or(truncated)?;
        self.count(bytes.len() as u64);
        Ok(Cow::Borrowed(bytes))
    }
}
