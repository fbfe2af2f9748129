//! Sources of a model file's bytes: a memory map, a browser's storage, or memory.

use std::borrow::Cow;
use std::ops::Range;

/// A file that is read in ranges, so that a model is never in memory as a whole.
#[expect(
    async_fn_in_trait,
    reason = "used through generics on one thread; no Send bound needed"
)]
pub trait ByteSource {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether the file is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the bytes in `range`. Callers keep ranges small (16 MiB at most).
    ///
    /// # Errors
    /// When the range extends past the end of the file, or the storage fails.
    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError>;
}

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file ends before the range does.
    #[error("the file ends at byte {len}, but bytes up to {end} were expected")]
    Truncated {
        /// End of the requested range.
        end: u64,
        /// Length of the file.
        len: u64,
    },
    /// The storage failed.
    #[error("{0}")]
    Storage(String),
}

impl ByteSource for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let len = ByteSource::len(self);
        let truncated = SourceError::Truncated {
            end: range.end,
            len,
        };
        let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end))
        else {
            return Err(truncated);
        };
        self.get(start..end).map(Cow::Borrowed).ok_or(truncated)
    }
}
