//! The cache folder that `huggingface_hub` lays out, and transformers with it:
//!
//! ```text
//! models--owner--name/blobs/ETAG
//! models--owner--name/refs/REVISION                     holds the commit
//! models--owner--name/snapshots/COMMIT/FILE             a link to a blob
//! .locks/models--owner--name/ETAG.lock
//! ```

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{HubError, ModelId};

/// What one repository has in the cache.
pub(crate) struct RepoCache {
    folder: PathBuf,
    locks: PathBuf,
}

/// Deeper folders hold no part of a model.
const MAX_DEPTH: u32 = 4;

impl RepoCache {
    pub(crate) fn new(cache: &Path, repo: &str) -> Self {
        let name = format!("models--{}", repo.replace('/', "--"));
        Self {
            locks: cache.join(".locks").join(&name),
            folder: cache.join(name),
        }
    }

    /// The folder of a commit.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The file for a content.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The file for as much of a content as has arrived.
    pub(crate) fn partial(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// The commit that a revision was when it was last looked up.
    pub(crate) fn commit(&self, id: &ModelId) -> Option<String> {
        if is_commit(&id.revision) {
            return Some(id.revision.clone());
        }
        let commit = fs::read_to_string(self.folder.join("refs").join(&id.revision)).ok()?;
        let commit = commit.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// Notes what a revision is now. Not doing so only means that it is asked for again.
    pub(crate) fn note_commit(&self, id: &ModelId, commit: &str) {
        if id.revision == commit || self.commit(id).as_deref() == Some(commit) {
            return;
        }
        let path = self.folder.join("refs").join(&id.revision);
        if let Some(folder) = path.parent() {
            let _ = fs::create_dir_all(folder);
        }
        let _ = fs::write(path, commit);
    }

    /// The names of the files that are there of a commit, with slashes between folders.
    pub(crate) fn names(&self, commit: &str) -> Vec<String> {
        let mut names = Vec::new();
        list(&self.snapshot(commit), "", MAX_DEPTH, &mut names);
        names.sort();
        names
    }

    /// Makes the folders that a file of a commit needs.
    pub(crate) fn prepare(&self, commit: &str, name: &str) -> Result<(), HubError> {
        let pointer = self.snapshot(commit).join(name);
        let folders = [
            Some(self.locks.clone()),
            Some(self.folder.join("blobs")),
            pointer.parent().map(Path::to_owned),
        ];
        for folder in folders.into_iter().flatten() {
            fs::create_dir_all(&folder).map_err(|reason| HubError::cache(&folder, reason))?;
        }
        Ok(())
    }

    /// Holds everybody else off a content. `on_wait` is called if somebody has it now.
    ///
    /// File systems that cannot lock give none: the checksum then tells what went wrong.
    pub(crate) fn lock(&self, etag: &str, on_wait: impl FnOnce()) -> Option<File> {
        let file = File::create(self.locks.join(format!("{etag}.lock"))).ok()?;
        match file.try_lock() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => {
                on_wait();
                file.lock().ok().map(|()| file)
            }
            Err(TryLockError::Error(_)) => None,
        }
    }

    /// Gives a content its name in a commit.
    pub(crate) fn link(&self, etag: &str, commit: &str, name: &str) -> Result<(), HubError> {
        let (blob, pointer) = (self.blob(etag), self.snapshot(commit).join(name));
        // A link whose blob somebody deleted.
        if pointer.is_symlink() {
            let _ = fs::remove_file(&pointer);
        }
        let up = "../".repeat(2 + name.split('/').count() - 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        symlink(&target, &pointer)
            .or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Ok(()),
                // Windows allows links to few.
                _ => fs::hard_link(&blob, &pointer).or_else(|_| fs::rename(&blob, &pointer)),
            })
            .map_err(|reason| HubError::cache(&pointer, reason))
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    let target = target.to_string_lossy().replace('/', "\\");
    std::os::windows::fs::symlink_file(target, link)
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn list(folder: &Path, prefix: &str, depth: u32, names: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let (path, name) = (entry.path(), format!("{prefix}{name}"));
        if path.is_file() {
            names.push(name);
        } else if depth > 0 && path.is_dir() {
            list(&path, &format!("{name}/"), depth - 1, names);
        }
    }
}
