//! Downloads one file from the hub into the cache, and resumes interrupted downloads.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
    thread,
    time::Duration,
};

use sha2::{Digest, Sha256};
use ureq::{Body, http::Response};

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
    /// Asks the hub for a new address, because addresses of bytes expire.
    pub renew: &'a dyn Fn() -> Result<RemoteFile, HubError>,
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
        let mut url = self.remote.url.clone();
        // Where the file was when an address was last refused.
        let mut refused_at = None;
        loop {
            on_bytes(sink.len);
            if self.remote.size == Some(sink.len) {
                return Ok(());
            }
            let before = sink.len;
            let reason = match self.attempt(&url, sink, on_bytes)? {
                Attempt::Done => return Ok(()),
                Attempt::Broken(reason) => reason,
                Attempt::Refused(status) if refused_at == Some(sink.len) => {
                    return Err(HubError::BytesRefused {
                        file: self.name.to_owned(),
                        host: host(&url),
                        status,
                    });
                }
                Attempt::Refused(_) => {
                    refused_at = Some(sink.len);
                    let renewed = (self.renew)()?;
                    if renewed.etag != self.remote.etag {
                        return Err(self.not_the_file(&url, "the hub has another version now"));
                    }
                    url = renewed.url;
                    continue;
                }
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

    fn not_the_file(&self, url: &str, reason: impl Into<String>) -> HubError {
        HubError::NotTheFile {
            file: self.name.to_owned(),
            host: host(url),
            reason: reason.into(),
        }
    }

    /// Refuses an answer that is not the file before any of it is kept.
    fn check(&self, url: &str, response: &Response<Body>, start: u64) -> Result<(), HubError> {
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        if let Some(encoding) = header("content-encoding").filter(|it| *it != "identity") {
            let reason = format!("it is compressed ({encoding}), which was not asked for");
            return Err(self.not_the_file(url, reason));
        }
        let total = match response.status().as_u16() {
            206 => header("content-range").and_then(|range| range.rsplit_once('/')?.1.parse().ok()),
            _ => header("content-length").and_then(|length| length.parse::<u64>().ok()),
        };
        if let (Some(total), Some(size)) = (total, self.remote.size)
            && total != size
        {
            return Err(self.not_the_file(url, format!("{total} bytes instead of {size}")));
        }
        let is_page = header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        match is_page && start == 0 && !self.name.ends_with(".html") && self.remote.size != total {
            true => Err(self.not_the_file(url, "a page of HTML")),
            false => Ok(()),
        }
    }

    fn attempt(
        &self,
        url: &str,
        sink: &mut Sink<'_>,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Attempt, HubError> {
        let mut response = match self.client.bytes(url, sink.len) {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Broken(reason(&error))),
        };
        let status = response.status().as_u16();
        let range = response.headers().get("content-range");
        let range = range.and_then(|range| range.to_str().ok()).unwrap_or("");
        if matches!(status, 200 | 206) {
            self.check(url, &response, sink.len)?;
        }
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
            408 | 429 => return Ok(Attempt::Broken(format!("status {status}"))),
            400..=499 => return Ok(Attempt::Refused(status)),
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
    /// The connection broke; another attempt may go on from there.
    Broken(String),
    /// The address is refused, with this status.
    Refused(u16),
}

/// The host of an address, for messages.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest).to_owned()
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
