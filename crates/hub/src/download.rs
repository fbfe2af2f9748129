//! Downloads one file from the hub into the cache, and resumes interrupted downloads.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
    thread,
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::{
    HubError, Progress,
    client::{Client, RemoteFile, reason},
    repo_cache::RepoCache,
};

/// Pause before the first retry; doubled for each further one, up to 16 s.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const CHUNK: usize = 1 << 18;

/// A file to download.
pub(crate) struct Download<'a> {
    pub client: &'a Client,
    pub cache: &'a RepoCache,
    pub name: &'a str,
    pub remote: &'a RemoteFile,
    /// Maximum consecutive retries that bring no new byte.
    pub retries: u32,
}

impl Download<'_> {
    /// Downloads the content unless it is in the cache. Calls `on_bytes` with the bytes present so far.
    pub(crate) fn run(
        &self,
        on_bytes: &mut dyn FnMut(u64),
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), HubError> {
        let etag = &self.remote.etag;
        let _lock = self.cache.lock(etag, || progress(Progress::Waiting));
        let (blob, partial) = (self.cache.blob(etag), self.cache.partial(etag));
        if has_length(&blob, self.remote.size) {
            return Ok(());
        }
        let mut sink = Sink::open(&partial, self.remote)?;
        self.fill(&mut sink, on_bytes, progress)?;
        sink.finish(self.name, self.remote)?;
        fs::rename(&partial, &blob).map_err(|reason| HubError::cache(&blob, reason))
    }

    fn fill(
        &self,
        sink: &mut Sink<'_>,
        on_bytes: &mut dyn FnMut(u64),
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), HubError> {
        let mut failures = 0;
        loop {
            on_bytes(sink.len);
            if self.remote.size == Some(sink.len) {
                return Ok(());
            }
            let before = sink.len;
            let reason = match self.attempt(sink, on_bytes)? {
                Attempt::Done => return Ok(()),
                Attempt::Broken(reason) => reason,
            };
            failures = if sink.len > before { 1 } else { failures + 1 };
            if failures > self.retries {
                return Err(HubError::Interrupted {
                    file: self.name.to_owned(),
                    done: sink.len,
                    reason,
                });
            }
            progress(Progress::Retrying { reason: &reason });
            thread::sleep(FIRST_PAUSE * (1 << (failures - 1).min(6)));
        }
    }

    fn attempt(
        &self,
        sink: &mut Sink<'_>,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Attempt, HubError> {
        let mut response = match self.client.bytes(&self.remote.url, sink.len) {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Broken(reason(&error))),
        };
        let status = response.status().as_u16();
        let range = response.headers().get("content-range");
        let range = range.and_then(|range| range.to_str().ok()).unwrap_or("");
        match status {
            206 if range.starts_with(&format!("bytes {}-", sink.len)) => {}
            // The server ignored the range and sends the whole file.
            200 => sink.restart()?,
            206 | 416 => {
                sink.restart()?;
                return Ok(Attempt::Broken(
                    "the server sent a different range".to_owned(),
                ));
            }
            _ => return Ok(Attempt::Broken(format!("status {status}"))),
        }
        let limit = self
            .remote
            .size
            .map_or(u64::MAX, |size| size - sink.len + 1);
        let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut body = (&mut body).take(limit);
        let mut buffer = vec![0; CHUNK];
        loop {
            match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => sink.write(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Attempt::Broken(error.to_string())),
            }
            on_bytes(sink.len);
        }
        match self.remote.size {
            Some(size) if sink.len < size => {
                Ok(Attempt::Broken("the connection was closed".to_owned()))
            }
            _ => Ok(Attempt::Done),
        }
    }
}

enum Attempt {
    Done,
    Broken(String),
}

/// The partial file and the checksum of its content.
struct Sink<'a> {
    path: &'a Path,
    file: File,
    len: u64,
    /// Only if the ETag is a SHA-256.
    hash: Option<Sha256>,
}

impl<'a> Sink<'a> {
    fn open(path: &'a Path, remote: &RemoteFile) -> Result<Self, HubError> {
        let failed = |reason| HubError::cache(path, reason);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let is_sha256 =
            remote.etag.len() == 64 && remote.etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut hash = is_sha256.then(Sha256::new);
        if let Some(hash) = &mut hash {
            let mut buffer = vec![0; CHUNK];
            loop {
                match file.read(&mut buffer).map_err(failed)? {
                    0 => break,
                    count => hash.update(&buffer[..count]),
                }
            }
        }
        file.seek(io::SeekFrom::End(0)).map_err(failed)?;
        let mut sink = Self {
            path,
            file,
            len,
            hash,
        };
        if remote.size.is_none_or(|size| len > size) {
            sink.restart()?;
        }
        Ok(sink)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file
            .write_all(bytes)
            .map_err(|reason| HubError::cache(self.path, reason))?;
        self.len += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), HubError> {
        let failed = |reason| HubError::cache(self.path, reason);
        self.file.set_len(0).map_err(failed)?;
        self.file.rewind().map_err(failed)?;
        self.len = 0;
        self.hash = self.hash.as_ref().map(|_| Sha256::new());
        Ok(())
    }

    /// Verifies the length and the checksum. Deletes a wrong file, so that the next attempt starts from the beginning.
    fn finish(self, name: &str, remote: &RemoteFile) -> Result<(), HubError> {
        let sum = self.hash.map(|hash| {
            let bytes = hash.finalize();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        });
        let difference = match (remote.size, sum) {
            (Some(size), _) if size != self.len => {
                format!("{} bytes instead of {size}", self.len)
            }
            (_, Some::<String>(sum)) if !sum.eq_ignore_ascii_case(&remote.etag) => {
                format!("SHA-256 {sum} instead of {}", remote.etag)
            }
            _ => {
                let synced = self.file.sync_all();
                return synced.map_err(|reason| HubError::cache(self.path, reason));
            }
        };
        drop(self.file);
        let _ = fs::remove_file(self.path);
        Err(HubError::Mismatch {
            file: name.to_owned(),
            difference,
        })
    }
}

/// Whether a file exists and has the given length, if one is given.
pub(crate) fn has_length(path: &Path, size: Option<u64>) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && size.is_none_or(|size| metadata.len() == size))
}
