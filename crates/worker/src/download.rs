//! Brings a model file into the browser, part by part, and picks up where a download ended.

use sha2::{Digest, Sha256};
use vitrine_protocol::{LoadPhase, ModelSource};

use crate::error::WorkerError;
use crate::fetch::Body;
use crate::manifest::{Manifest, Part, beside};
use crate::meter::Meter;
use crate::model_file::{MemoryFile, ModelFile};
use crate::scope;
use crate::storage::{self, Record, Store};

/// A part that breaks off is asked for this often.
const PART_ATTEMPTS: i32 = 3;

/// Bytes are hashed in pieces of this length when a download is resumed.
const HASH_PIECE: u64 = 4 << 20;

/// A model file, and how it came.
pub struct Obtained {
    /// The bytes.
    pub file: ModelFile,
    /// Whether all of it was there already.
    pub from_storage: bool,
    /// Whether the next visit finds it.
    pub kept: bool,
}

/// The file of a model: out of storage if all of it is there, else over the network.
pub async fn obtain(
    source: &ModelSource,
    store: Option<&Store>,
    meter: &mut Meter,
) -> Result<Obtained, WorkerError> {
    if let Some(store) = store
        && let Some(file) = stored(source, store).await?
    {
        return Ok(Obtained {
            file,
            from_storage: true,
            kept: true,
        });
    }
    let manifest = Manifest::fetch(&source.manifest_url).await?;
    let mut download = Download::begin(source, store, manifest).await?;
    download.run(meter).await?;
    download.verify().await?;
    Ok(Obtained {
        file: download.file,
        from_storage: false,
        kept: store.is_some(),
    })
}

async fn stored(source: &ModelSource, store: &Store) -> Result<Option<ModelFile>, WorkerError> {
    let Some(record) = store
        .record(&source.name)
        .await
        .filter(|record| record.verified)
    else {
        return Ok(None);
    };
    let file = store.open_file(&source.name).await?;
    Ok((file.len() == record.bytes).then_some(ModelFile::Stored(file)))
}

struct Download<'a> {
    source: &'a ModelSource,
    store: Option<&'a Store>,
    manifest: Manifest,
    file: ModelFile,
    /// Of the first `done` bytes.
    hasher: Sha256,
    done: u64,
}

impl<'a> Download<'a> {
    /// Opens the file, and finds how much of it an earlier download left.
    async fn begin(
        source: &'a ModelSource,
        store: Option<&'a Store>,
        manifest: Manifest,
    ) -> Result<Self, WorkerError> {
        let (hasher, file, done) = (Sha256::new(), ModelFile::Memory(MemoryFile::default()), 0);
        let mut download = Self {
            source,
            store,
            manifest,
            file,
            hasher,
            done,
        };
        let Some(store) = store else {
            return Ok(download);
        };

        let begun = store.record(&source.name).await;
        let begun = begun.filter(|record| record.sha256 == download.manifest.sha256);
        let file = store.open_file(&source.name).await?;
        let safe = begun.map_or(0, |record| record.done).min(file.len());
        download.file = ModelFile::Stored(file);
        download.rehash(whole_parts(&download.manifest.parts, safe))?;
        download.check_quota().await?;
        Ok(download)
    }

    /// Takes the first `until` bytes as done.
    fn rehash(&mut self, until: u64) -> Result<(), WorkerError> {
        while self.done < until {
            let end = until.min(self.done + HASH_PIECE);
            let piece = self
                .file
                .read_range(self.done..end)
                .map_err(|error| WorkerError::Storage(error.to_string()))?;
            self.hasher.update(&piece);
            self.done = end;
        }
        Ok(())
    }

    async fn check_quota(&self) -> Result<(), WorkerError> {
        let needed = self.manifest.bytes - self.done;
        match storage::free_bytes().await {
            Some(free) if free < needed => {
                const MB: u64 = 1_000_000;
                Err(WorkerError::Quota {
                    needed_mb: needed.div_ceil(MB),
                    free_mb: free / MB,
                })
            }
            _ => Ok(()),
        }
    }

    /// Fetches the parts that are missing.
    async fn run(&mut self, meter: &mut Meter) -> Result<(), WorkerError> {
        meter.report(LoadPhase::Download, self.done, self.manifest.bytes);
        let mut start = 0;
        for index in 0..self.manifest.parts.len() {
            if start >= self.done {
                self.part(index, meter).await?;
                self.file.flush()?;
                self.write_record(false).await?;
            }
            start += self.manifest.parts[index].bytes;
        }
        Ok(())
    }

    /// Fetches one part, and again if the connection breaks.
    async fn part(&mut self, index: usize, meter: &mut Meter) -> Result<(), WorkerError> {
        let before = (self.hasher.clone(), self.done);
        let mut attempt = 1;
        loop {
            match self.part_once(index, meter).await {
                Err(WorkerError::Unreachable { .. }) if attempt < PART_ATTEMPTS => {
                    (self.hasher, self.done) = before.clone();
                    scope::sleep(1000 * attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn part_once(&mut self, index: usize, meter: &mut Meter) -> Result<(), WorkerError> {
        let Part {
            path,
            bytes: expected,
        } = &self.manifest.parts[index];
        let url = beside(&self.source.manifest_url, path);
        let mut body = Body::open(&url).await?;
        let mut got = 0;
        while let Some(chunk) = body.next().await? {
            got += chunk.len() as u64;
            if got > *expected {
                break;
            }
            self.file.write(self.done, &chunk)?;
            self.hasher.update(&chunk);
            self.done += chunk.len() as u64;
            meter.report(LoadPhase::Download, self.done, self.manifest.bytes);
        }
        if got == *expected {
            Ok(())
        } else {
            Err(WorkerError::PartLength {
                url,
                got,
                expected: *expected,
            })
        }
    }

    /// Compares the checksum, and only then calls the file whole.
    async fn verify(&mut self) -> Result<(), WorkerError> {
        let digest = self.hasher.clone().finalize();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        if digest.eq_ignore_ascii_case(&self.manifest.sha256) {
            return self.write_record(true).await;
        }
        if let Some(store) = self.store {
            // The open handle would keep the file; without it nothing is left to delete.
            self.file = ModelFile::Memory(MemoryFile::default());
            store.remove(&self.source.name).await;
        }
        Err(WorkerError::Checksum)
    }

    async fn write_record(&mut self, verified: bool) -> Result<(), WorkerError> {
        let Some(store) = self.store else {
            return Ok(());
        };
        if verified && let ModelFile::Stored(file) = &mut self.file {
            // An older and longer file of the same name may have lain here.
            file.truncate(self.done)?;
        }
        let Manifest { sha256, bytes, .. } = &self.manifest;
        let record = Record {
            sha256: sha256.clone(),
            bytes: *bytes,
            done: self.done,
            verified,
        };
        store.write_record(&self.source.name, &record).await
    }
}

/// The end of the last part that lies within the first `safe` bytes.
fn whole_parts(parts: &[Part], safe: u64) -> u64 {
    let mut end = 0;
    for part in parts {
        if end + part.bytes > safe {
            break;
        }
        end += part.bytes;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_goes_on_after_the_last_whole_part() {
        let part = |bytes| Part {
            path: String::new(),
            bytes,
        };
        let parts = [part(10), part(10), part(5)];
        let ends: Vec<u64> = [0, 9, 10, 19, 24, 25, 99]
            .map(|safe| whole_parts(&parts, safe))
            .into();
        assert_eq!(ends, [0, 0, 10, 10, 20, 25, 25]);
    }
}
