//! Downloads the files of a model in chunks, several requests at a time, and resumes interrupted downloads.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use futures_util::{StreamExt, stream};
use js_sys::Uint8Array;
use sha2::{Digest, Sha256};
use vitrine_checkpoint::source::ByteSource;
use vitrine_protocol::{LoadPhase, ModelSource, Shards};

use crate::directory::{self, Beginning};
use crate::error::WorkerError;
use crate::fetch::{FetchError, Request};
use crate::meter::Meter;
use crate::model_file::{MemoryFile, ModelFile};
use crate::partial_file::PartialFile;
use crate::remote::{Piece, RemoteFile, is_weights, whole_pieces};
use crate::scope;
use crate::storage::{self, FileRecord, Record, Store};

/// Maximum requests for a chunk.
const ATTEMPTS: i32 = 3;

/// Maximum bytes of all requests in flight.
const IN_FLIGHT: u64 = 24 << 20;

/// Bytes of a file after which its header is searched for the first time; then after four times as many.
const DIRECTORY: u64 = 1 << 20;

/// Length of the reads for hashing when a download is resumed.
const HASH_PIECE: u64 = 4 << 20;

/// A running download of a model.
pub struct Download<'a> {
    store: Option<&'a Store>,
    key: String,
    record: Record,
    token: Option<&'a str>,
    meter: &'a RefCell<Meter>,
    /// Bytes that arrived, including those of unfinished chunks.
    arrived: RefCell<u64>,
}

impl<'a> Download<'a> {
    /// Prepares the download of `files`, which may be partly stored.
    pub async fn begin(
        source: &ModelSource,
        store: Option<&'a Store>,
        files: &[RemoteFile],
        token: Option<&'a str>,
        meter: &'a RefCell<Meter>,
    ) -> Self {
        let key = storage::key(source);
        let begun = match store {
            Some(store) => store.record(&key).await,
            None => None,
        };
        let files = files.iter().map(|file| {
            let begun = begun.iter().flat_map(|record| &record.files);
            let same = |old: &&FileRecord| {
                old.name == file.name && old.bytes == file.bytes && old.tag == file.tag
            };
            begun
                .into_iter()
                .find(same)
                .cloned()
                .unwrap_or_else(|| FileRecord {
                    name: file.name.clone(),
                    bytes: file.bytes,
                    tag: file.tag.clone(),
                    done: 0,
                    verified: false,
                })
        });
        let record = Record {
            source: source.clone(),
            files: files.collect(),
        };
        Self {
            store,
            key,
            arrived: RefCell::new(record.done()),
            record,
            token,
            meter,
        }
    }

    /// Refuses files that do not fit into the browser's storage, and records the others there.
    pub async fn make_room(&self) -> Result<(), WorkerError> {
        let Some(store) = self.store else {
            return Ok(());
        };
        let needed = self.record.bytes() - self.record.done();
        store.check_room(needed).await?;
        store.write_record(&self.key, &self.record).await
    }

    /// Opens all files; earlier downloads are verified when their turn comes.
    pub async fn open(&self) -> Result<Vec<(String, Rc<PartialFile>)>, WorkerError> {
        let folder = match self.store {
            Some(store) => Some(store.model(&self.key).await?),
            None => None,
        };
        let mut files = Vec::new();
        for FileRecord { name, bytes, .. } in &self.record.files {
            let file = match &folder {
                Some(folder) => ModelFile::Stored(folder.open_file(name).await?),
                None => ModelFile::Memory(MemoryFile::default()),
            };
            files.push((name.clone(), Rc::new(PartialFile::empty(file, *bytes))));
        }
        Ok(files)
    }

    /// Downloads the missing bytes of `file`, one of those given to `begin`, to `target`.
    pub async fn file(
        &mut self,
        file: &RemoteFile,
        target: &PartialFile,
    ) -> Result<(), WorkerError> {
        let entry = self.entry(&file.name)?;
        let FileRecord { done, verified, .. } = self.record.files[entry];
        let weights = self.weights(entry);
        let len = target.file().len();
        if verified && len == file.bytes {
            self.here(weights, 0..file.bytes);
            target.has_come(file.bytes);
            return Ok(());
        }
        let (done, pieces) = whole_pieces(&file.pieces, done.min(len));
        let mut writer = Writer {
            target,
            hasher: Sha256::new(),
        };
        if file.sha256.is_some() {
            writer.rehash(done).await?;
        }
        target.has_come(done);
        self.record.files[entry].done = done;
        self.record.files[entry].verified = false;
        *self.arrived.borrow_mut() = self.record.done();
        self.here(weights, 0..done);
        self.look(weights, &file.name, file.bytes, target.file())
            .await;
        self.report(0);

        let largest = file.pieces.iter().map(|piece| piece.bytes).max();
        let at_once = IN_FLIGHT / largest.unwrap_or(1).max(1);
        let mut start = done;
        let requests: Vec<_> = file.pieces[pieces..]
            .iter()
            .map(|piece| {
                let place = PiecePlace {
                    file,
                    weights,
                    start,
                };
                start += piece.bytes;
                self.piece(piece, place)
            })
            .collect();
        // In the order of the file, so that the stored bytes are always a prefix.
        let mut answers = stream::iter(requests).buffered(at_once.clamp(1, 6) as usize);
        let mut record = self.record.clone();
        let mut look_at = DIRECTORY;
        while let Some(chunks) = answers.next().await {
            writer.append(&chunks?)?;
            let done = target.there();
            record.files[entry].done = done;
            if done >= look_at {
                look_at = done.saturating_mul(4);
                self.look(weights, &file.name, file.bytes, target.file())
                    .await;
            }
            if let Some(store) = self.store {
                target.file().flush()?;
                store.write_record(&self.key, &record).await?;
            }
        }
        drop(answers);
        self.record = record;
        self.finish(file, entry, writer).await
    }

    /// Marks the file as complete once its checksum is right.
    async fn finish(
        &mut self,
        file: &RemoteFile,
        entry: usize,
        Writer { target, hasher }: Writer<'_>,
    ) -> Result<(), WorkerError> {
        let right = file
            .sha256
            .as_ref()
            .is_none_or(|wanted| hex(&hasher.finalize()).eq_ignore_ascii_case(wanted));
        if right && let ModelFile::Stored(stored) = target.file() {
            // A longer file of the same name may have been stored here.
            stored.truncate(target.there())?;
            stored.flush()?;
        }
        let state = &mut self.record.files[entry];
        state.verified = right;
        if !right {
            state.done = 0;
        }
        if let Some(store) = self.store {
            store.write_record(&self.key, &self.record).await?;
        }
        if right {
            Ok(())
        } else {
            Err(WorkerError::Checksum {
                file: file.name.clone(),
            })
        }
    }

    /// Downloads one chunk, again if the connection breaks.
    async fn piece(
        &self,
        piece: &Piece,
        place: PiecePlace<'_>,
    ) -> Result<Vec<Uint8Array>, WorkerError> {
        let mut attempt = 1;
        loop {
            let mut got = 0;
            let result = self.piece_once(piece, place, &mut got).await;
            if result.is_err() {
                *self.arrived.borrow_mut() -= got;
                if let Some(weights) = place.weights {
                    let lost = place.start..place.start + got;
                    self.meter.borrow_mut().arrived.remove(weights, lost);
                }
            }
            match result {
                Err(WorkerError::Fetch(error)) if attempt < ATTEMPTS && is_passing(&error) => {
                    scope::sleep(1000 * attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn piece_once(
        &self,
        piece: &Piece,
        place: PiecePlace<'_>,
        got: &mut u64,
    ) -> Result<Vec<Uint8Array>, WorkerError> {
        let request = Request {
            url: &piece.url,
            range: piece.range,
            token: self.token,
        };
        let mut body = request.body().await?;
        let mut chunks = Vec::new();
        let mut look_at = DIRECTORY;
        while let Some(chunk) = body.next().await? {
            let bytes = u64::from(chunk.length());
            self.here(
                place.weights,
                place.start + *got..place.start + *got + bytes,
            );
            *got += bytes;
            self.report(bytes);
            chunks.push(chunk);
            if place.start == 0 && *got >= look_at.min(piece.bytes) {
                look_at = got.saturating_mul(4);
                let mut there = Vec::with_capacity(*got as usize);
                for chunk in &chunks {
                    there.extend_from_slice(&chunk.to_vec());
                }
                let PiecePlace { file, weights, .. } = place;
                self.look(weights, &file.name, file.bytes, &there).await;
            }
            if *got > piece.bytes {
                break;
            }
        }
        if *got == piece.bytes {
            Ok(chunks)
        } else {
            Err(WorkerError::PieceLength {
                url: piece.url.clone(),
                got: *got,
                expected: piece.bytes,
            })
        }
    }

    /// Searches the header of a file of weights in its first bytes.
    async fn look<S: ByteSource>(&self, weights: Option<u32>, name: &str, len: u64, there: &S) {
        let Some(weights) = weights.filter(|it| !self.meter.borrow().knows(*it)) else {
            return;
        };
        let beginning = Beginning { there, len };
        if let Some(tensors) = directory::tensors(name, weights, &beginning).await {
            self.meter.borrow_mut().tensors(weights, tensors);
        }
    }

    /// Records that a range of a file of weights has arrived.
    fn here(&self, weights: Option<u32>, range: Range<u64>) {
        if let Some(weights) = weights {
            self.meter.borrow_mut().arrived.add(weights, range);
        }
    }

    /// The number of a file of weights, from 0; `None` for other files.
    fn weights(&self, entry: usize) -> Option<u32> {
        let (before, rest) = self.record.files.split_at(entry);
        let count = before.iter().filter(|it| is_weights(&it.name)).count();
        is_weights(&rest.first()?.name).then_some(count as u32)
    }

    /// Reports `more` bytes to the page.
    fn report(&self, more: u64) {
        let mut arrived = self.arrived.borrow_mut();
        *arrived += more;
        let mut meter = self.meter.borrow_mut();
        meter.shards = self.shards();
        meter.report(LoadPhase::Download, *arrived, self.record.bytes());
    }

    fn shards(&self) -> Option<Shards> {
        let weights = self.record.files.iter().filter(|it| is_weights(&it.name));
        let (done, all): (Vec<_>, Vec<_>) = weights.partition(|it| it.verified);
        let total = done.len() + all.len();
        (total > 1).then_some(Shards {
            done: done.len() as u32,
            total: total as u32,
        })
    }

    fn entry(&self, name: &str) -> Result<usize, WorkerError> {
        let found = self.record.files.iter().position(|it| it.name == name);
        found.ok_or_else(|| WorkerError::Storage(format!("{name} was not planned")))
    }
}

/// The place of a chunk.
#[derive(Clone, Copy)]
struct PiecePlace<'f> {
    file: &'f RemoteFile,
    /// Which of the files of weights it is.
    weights: Option<u32>,
    /// The chunk's first byte, from the start of the file.
    start: u64,
}

/// A file that grows at its end.
struct Writer<'f> {
    target: &'f PartialFile,
    /// Of what is there.
    hasher: Sha256,
}

impl Writer<'_> {
    fn append(&mut self, chunks: &[Uint8Array]) -> Result<(), WorkerError> {
        for chunk in chunks {
            let bytes = chunk.to_vec();
            self.hasher.update(&bytes);
            self.target.append(&bytes)?;
        }
        Ok(())
    }

    /// Hashes the first `until` bytes, which an earlier download stored.
    async fn rehash(&mut self, until: u64) -> Result<(), WorkerError> {
        let mut done = 0;
        while done < until {
            let end = until.min(done + HASH_PIECE);
            let piece = self
                .target
                .file()
                .read_range(done..end)
                .await
                .map_err(|error| WorkerError::Storage(error.to_string()))?;
            self.hasher.update(&piece);
            done = end;
            // Lets a cancellation be handled.
            scope::sleep(0).await;
        }
        Ok(())
    }
}

/// Whether a retry may help.
fn is_passing(error: &FetchError) -> bool {
    match error {
        FetchError::Unreachable { .. } => true,
        FetchError::Status { status, .. } => matches!(status, 429 | 500..=599),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
