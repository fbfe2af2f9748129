//! Tracks which files of weights were read, and which of their bytes.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use vitrine_checkpoint::source::{ByteSource, SourceError};
use vitrine_protocol::{LoadPhase, Shards};

use crate::arrivals::Arrivals;
use crate::partial_file::PartialFile;
use crate::remote::is_weights;

/// Counts the files of weights that are done, which are read one after the other.
#[derive(Default)]
pub struct ShardCounter {
    total: u32,
    /// The last file that was read.
    furthest: Rc<Cell<u32>>,
    /// What was read of the weights.
    read: Rc<RefCell<Arrivals>>,
    uploading: bool,
}

/// A file that tells when it is read.
pub struct Watched {
    file: Rc<PartialFile>,
    shard: Option<u32>,
    furthest: Rc<Cell<u32>>,
    read: Rc<RefCell<Arrivals>>,
}

impl ShardCounter {
    /// Watches a file.
    pub fn watch(&mut self, name: &str, file: Rc<PartialFile>) -> Watched {
        let shard = is_weights(name).then_some(self.total);
        self.total += u32::from(shard.is_some());
        Watched {
            file,
            shard,
            furthest: Rc::clone(&self.furthest),
            read: Rc::clone(&self.read),
        }
    }

    /// How many are done, where there are several.
    pub fn shards(&mut self, phase: LoadPhase, all_done: bool) -> Option<Shards> {
        if phase != LoadPhase::Upload || self.total < 2 {
            return None;
        }
        if !self.uploading {
            // Until now the directories of all files were read.
            self.uploading = true;
            self.furthest.set(0);
        }
        let done = if all_done {
            self.total
        } else {
            self.furthest.get()
        };
        Some(Shards {
            done,
            total: self.total,
        })
    }
}

impl ShardCounter {
    /// What was read of the weights, directories apart.
    pub fn read(&self) -> Arrivals {
        self.read.borrow().clone()
    }
}

impl ByteSource for Watched {
    fn len(&self) -> u64 {
        self.file.len()
    }

    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        if let Some(shard) = self.shard {
            self.furthest.set(self.furthest.get().max(shard));
            // Directories are looked for at the beginning, together with some of what follows.
            if range.start > 0 {
                self.read.borrow_mut().add(shard, range.clone());
            }
        }
        self.file.read(range).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_file::{MemoryFile, ModelFile};

    #[test]
    fn shards_are_done_when_the_next_is_read() {
        let mut counter = ShardCounter::default();
        let mut file = |name: &str| {
            let file = ModelFile::Memory(MemoryFile::default());
            counter.watch(name, Rc::new(PartialFile::whole(file)))
        };
        file("config.json");
        let first = file("model-00001-of-00002.safetensors");
        let second = file("model-00002-of-00002.safetensors");
        let done = |counter: &mut ShardCounter, all_done| {
            let shards = counter.shards(LoadPhase::Upload, all_done);
            shards.map(|shards| (shards.done, shards.total))
        };
        assert_eq!(second.shard, Some(1));
        counter.furthest.set(1);
        assert_eq!(done(&mut counter, false), Some((0, 2)), "directories");
        first.furthest.set(0);
        assert_eq!(done(&mut counter, false), Some((0, 2)));
        second.furthest.set(1);
        assert_eq!(done(&mut counter, false), Some((1, 2)));
        assert_eq!(done(&mut counter, true), Some((2, 2)));
        assert_eq!(counter.shards(LoadPhase::Compile, false), None);
    }
}
