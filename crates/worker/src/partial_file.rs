//! Files that are still downloading: reads beyond the downloaded bytes wait until those arrive.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::ops::Range;
use std::task::{Poll, Waker};

use vitrine_checkpoint::source::{ByteSource, SourceError};

use crate::error::WorkerError;
use crate::model_file::ModelFile;

/// A file of which the first bytes have been downloaded.
pub struct PartialFile {
    file: ModelFile,
    /// Length of the whole file.
    len: u64,
    /// Bytes from the start that have been downloaded.
    there: Cell<u64>,
    /// The reader that waits for more.
    reader: RefCell<Option<Waker>>,
}

impl PartialFile {
    /// All of a file is there.
    pub fn whole(file: ModelFile) -> Self {
        let len = file.len();
        Self {
            there: Cell::new(len),
            ..Self::empty(file, len)
        }
    }

    /// Nothing of a file of `len` bytes counts yet, whatever lies in `file`.
    pub fn empty(file: ModelFile, len: u64) -> Self {
        Self {
            file,
            len,
            there: Cell::new(0),
            reader: RefCell::default(),
        }
    }

    /// Where its bytes lie.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// Writes all of `bytes` where the file ends so far.
    pub fn append(&self, bytes: &[u8]) -> Result<(), WorkerError> {
        let there = self.there.get();
        self.file.write(there, bytes)?;
        self.has_come(there + bytes.len() as u64);
        Ok(())
    }

    /// The first `bytes` are there.
    pub fn has_come(&self, bytes: u64) {
        self.there.set(bytes);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Bytes from the start that have been downloaded.
    pub fn there(&self) -> u64 {
        self.there.get()
    }

    async fn until(&self, end: u64) {
        poll_fn(|context| {
            if self.there.get() >= end {
                return Poll::Ready(());
            }
            self.reader.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl ByteSource for PartialFile {
    fn len(&self) -> u64 {
        self.len
    }

    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let (end, len) = (range.end, self.len);
        if end > len {
            return Err(SourceError::Truncated { end, len });
        }
        self.until(end).await;
        self.file.read(range).await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;

    use super::*;
    use crate::model_file::MemoryFile;

    #[test]
    fn who_reads_further_than_it_has_come_waits() {
        let file = PartialFile::empty(ModelFile::Memory(MemoryFile::default()), 4);
        let mut context = Context::from_waker(Waker::noop());
        let mut until = pin!(file.until(3));
        assert!(until.as_mut().poll(&mut context).is_pending());
        file.has_come(2);
        assert!(until.as_mut().poll(&mut context).is_pending());
        file.has_come(3);
        assert!(until.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn reads_past_the_end_fail_at_once() {
        let file = PartialFile::empty(ModelFile::Memory(MemoryFile::default()), 4);
        let mut context = Context::from_waker(Waker::noop());
        let mut read = pin!(file.read(2..5));
        let Poll::Ready(result) = read.as_mut().poll(&mut context) else {
            panic!("it waits");
        };
        assert!(matches!(
            result,
            Err(SourceError::Truncated { end: 5, len: 4 })
        ));
    }
}
