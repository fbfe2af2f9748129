//! Cache folder with the layout of `huggingface_hub` (and transformers):
//!
//! ```text
//! models--owner--name/blobs/ETAG
//! models--owner--name/refs/REVISION                     contains the commit
//! models--owner--name/snapshots/COMMIT/FILE             a link to a blob
//! .locks/models--owner--name/ETAG.lock
//! ```

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{HubError, HubId};

/// The cached files of one repository.
pub(crate) struct RepoCache {
    folder: PathBuf,
    locks: PathBuf,
}

/// Maximum depth of folders inside a snapshot; deeper ones contain no model files.
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

    /// The file with the content `etag`.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The file for a partial download of `etag`.
    pub(crate) fn partial(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// The commit of a revision, as of its last lookup.
    pub(crate) fn commit(&self, id: &HubId) -> Option<String> {
        if is_commit(&id.revision) {
            return Some(id.revision.clone());
        }
        let commit = fs::read_to_string(self.folder.join("refs").join(&id.revision)).ok()?;
        let commit = commit.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// Stores the commit of a revision. A failure only means that it is looked up again.
    pub(crate) fn note_commit(&self, id: &HubId, commit: &str) {
        if id.revision == commit || self.commit(id).as_deref() == Some(commit) {
            return;
        }
        let path = self.folder.join("refs").join(&id.revision);
        if let Some(folder) = path.parent() {
            let _ = fs::create_dir_all(folder);
        }
        let _ = fs::write(path, commit);
    }

    /// The names of the cached files of a commit, with slashes between folders.
    pub(crate) fn names(&self, commit: &str) -> Vec<String> {
        let mut names = Vec::new();
        list(&self.snapshot(commit), "", MAX_DEPTH, &mut names);
        names.sort();
        names
    }

    /// Creates the folders for a file of a commit.
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

    /// Locks a content against other processes. Calls `on_wait` if it has to wait for the lock.
    ///
    /// Returns `None` where the file system does not support locks; the checksum then detects conflicting writes.
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

    /// Links a content to its file name in a commit.
    pub(crate) fn link(&self, etag: &str, commit: &str, name: &str) -> Result<(), HubError> {
        let (blob, pointer) = (self.blob(etag), self.snapshot(commit).join(name));
        // The link may be stale: its blob was deleted.
        if pointer.is_symlink() {
            let _ = fs::remove_file(&pointer);
        }
        let up = "../".repeat(2 + name.split('/').count() - 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        symlink(&target, &pointer)
            .or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Ok(()),
                // On Windows, symbolic links need a privilege.
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
