//! All files of a model on the hub, from the cache or through the network.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    HubError, HubSettings, ModelId, Progress,
    client::Client,
    download::{Download, has_length},
    location::is_relative_path,
    progress::Display,
    repo_cache::RepoCache,
};

/// A model of the hub on this machine.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The folder of its commit in the cache.
    pub folder: PathBuf,
    /// The files that make the model, relative to the folder.
    pub files: Vec<String>,
}

/// Chooses among the names of all files of a repository those that make a model; or says in half a
/// sentence ("it has no weights") why there is none.
pub type Choose<'a> = dyn Fn(&[String]) -> Result<Vec<String>, String> + 'a;

/// The files of a model; fetched unless the cache has them, with progress on standard error.
///
/// # Errors
/// See [`fetch_model_with`].
pub fn fetch_model(
    id: &ModelId,
    settings: &HubSettings,
    choose: &Choose<'_>,
) -> Result<Snapshot, HubError> {
    let mut display = Display::new();
    fetch_model_with(id, settings, choose, &mut |progress| {
        display.show(&progress);
    })
}

/// The files of a model; fetched unless the cache has them.
///
/// The hub is asked what the revision is now, unless it is a commit that the cache has. When the
/// hub cannot be reached or does not give the model, what the cache has of it is used.
///
/// # Errors
/// Whatever keeps the model from being complete on this machine.
pub fn fetch_model_with(
    id: &ModelId,
    settings: &HubSettings,
    choose: &Choose<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Snapshot, HubError> {
    let cache = RepoCache::new(&settings.cache, &id.repo);
    let cached = || cached(&cache, id, choose);
    if settings.offline {
        return cached().ok_or_else(|| HubError::Offline {
            id: id.to_string(),
            cache: settings.cache.clone(),
        });
    }
    // A commit never changes.
    if cache.commit(id).as_deref() == Some(&id.revision)
        && let Some(snapshot) = cached()
    {
        return Ok(snapshot);
    }
    match online(&cache, id, settings, choose, progress) {
        Err(error) if error.is_refusal() => match cached() {
            Some(snapshot) => {
                progress(Progress::Failed { error: &error });
                progress(Progress::Cached);
                Ok(snapshot)
            }
            None => Err(error),
        },
        result => result,
    }
}

/// The model, if the cache has all of it.
fn cached(cache: &RepoCache, id: &ModelId, choose: &Choose<'_>) -> Option<Snapshot> {
    let commit = cache.commit(id)?;
    let folder = cache.snapshot(&commit);
    let files = wanted(id, &cache.names(&commit), choose).ok()?;
    let shards = shards(&folder, &files).ok()?;
    shards
        .iter()
        .all(|shard| folder.join(shard).is_file())
        .then(|| Snapshot {
            folder,
            files: union(files, shards),
        })
}

fn online(
    cache: &RepoCache,
    id: &ModelId,
    settings: &HubSettings,
    choose: &Choose<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Snapshot, HubError> {
    let client = Client::new(settings)?;
    let revision = client.revision(id)?;
    let folder = cache.snapshot(&revision.commit);
    let files = wanted(id, &revision.files, choose)?;
    let fetch = Fetch {
        client: &client,
        cache,
        id,
        commit: &revision.commit,
        retries: settings.retries,
    };
    // Weights last: where they are, the rest is too, and the index tells which there are.
    let (weights, rest): (Vec<_>, Vec<_>) =
        files.iter().cloned().partition(|file| is_weights(file));
    fetch.all(&rest, progress)?;
    let shards = shards(&folder, &files).map_err(|reason| HubError::NotAModel {
        id: id.to_string(),
        reason,
    })?;
    if let Some(missing) = shards.iter().find(|shard| !revision.files.contains(shard)) {
        return Err(HubError::NotAModel {
            id: id.to_string(),
            reason: format!("its index names {missing}, which is not there"),
        });
    }
    let weights = union(weights, shards.clone());
    fetch.all(&weights, progress)?;
    cache.note_commit(id, &revision.commit);
    Ok(Snapshot {
        folder,
        files: union(files, shards),
    })
}

/// The files of a model among all: the one that was named, else what `choose` says.
fn wanted(id: &ModelId, names: &[String], choose: &Choose<'_>) -> Result<Vec<String>, HubError> {
    let Some(wanted) = &id.file else {
        return choose(names).map_err(|reason| HubError::NotAModel {
            id: id.to_string(),
            reason,
        });
    };
    if names.contains(wanted) {
        return Ok(vec![wanted.clone()]);
    }
    let is_gguf = |name: &&String| name.to_ascii_lowercase().ends_with(".gguf");
    let part = wanted.to_ascii_lowercase();
    let fitting: Vec<&String> = names
        .iter()
        .filter(is_gguf)
        .filter(|name| name.to_ascii_lowercase().contains(&part))
        .collect();
    if let [only] = fitting[..] {
        return Ok(vec![only.clone()]);
    }
    let candidates: Vec<&str> = names.iter().filter(is_gguf).map(String::as_str).collect();
    Err(HubError::NoFile {
        repo: id.repo.clone(),
        file: wanted.clone(),
        candidates: match candidates.len() {
            0 => "; it has no GGUF files".to_owned(),
            n if n > 12 => format!("; it has {}, …", candidates[..12].join(", ")),
            _ => format!("; it has {}", candidates.join(", ")),
        },
    })
}

fn is_weights(name: &str) -> bool {
    name.ends_with(".safetensors") || name.ends_with(".gguf")
}

fn union(mut files: Vec<String>, more: BTreeSet<String>) -> Vec<String> {
    let new: Vec<String> = more
        .into_iter()
        .filter(|file| !files.contains(file))
        .collect();
    files.extend(new);
    files
}

/// The files that an index among `files` names, if there is one.
fn shards(folder: &Path, files: &[String]) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let Some(name) = files.iter().find(|file| file.ends_with(".index.json")) else {
        return Ok(BTreeSet::new());
    };
    let text = fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    let index: Index = serde_json::from_slice(&text).map_err(|error| format!("{name}: {error}"))?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    match shards.iter().find(|shard| !is_relative_path(shard)) {
        Some(shard) => Err(format!(
            "{name} names a file outside of the model ({shard:?})"
        )),
        None => Ok(shards),
    }
}

/// Fetches files of one commit.
struct Fetch<'a> {
    client: &'a Client,
    cache: &'a RepoCache,
    id: &'a ModelId,
    commit: &'a str,
    retries: u32,
}

impl Fetch<'_> {
    fn all(
        &self,
        names: &[String],
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), HubError> {
        let folder = self.cache.snapshot(self.commit);
        let mut missing = Vec::new();
        for name in names.iter().filter(|name| !folder.join(name).is_file()) {
            self.cache.prepare(self.commit, name)?;
            missing.push((name, self.client.file(self.id, self.commit, name)?));
        }
        let Some((first, _)) = missing.first() else {
            return Ok(());
        };
        let total: u64 = missing.iter().filter_map(|(_, remote)| remote.size).sum();
        let lacking = missing.iter().map(|(_, remote)| {
            let there = has_length(&self.cache.blob(&remote.etag), remote.size);
            let partial = fs::metadata(self.cache.partial(&remote.etag)).map_or(0, |m| m.len());
            let size = remote.size.unwrap_or(0);
            if there {
                0
            } else {
                size.saturating_sub(partial)
            }
        });
        check_space(&folder.join(first), lacking.sum())?;

        let (mut done, count) = (0, missing.len());
        for (number, (name, remote)) in missing.into_iter().enumerate() {
            progress(Progress::File {
                name,
                number: number + 1,
                count,
            });
            let download = Download {
                client: self.client,
                cache: self.cache,
                name,
                remote: &remote,
                retries: self.retries,
            };
            // Both closures of the download speak to the same display.
            let progress = RefCell::new(&mut *progress);
            download.run(
                &mut |bytes| {
                    let bytes = Progress::Bytes {
                        done: done + bytes,
                        total,
                    };
                    progress.borrow_mut()(bytes);
                },
                &mut |other| progress.borrow_mut()(other),
            )?;
            self.cache.link(&remote.etag, self.commit, name)?;
            done += remote.size.unwrap_or(0);
        }
        Ok(())
    }
}

/// Refuses early what the disk cannot hold.
fn check_space(path: &Path, needed: u64) -> Result<(), HubError> {
    let folder = path.parent().unwrap_or(path);
    match fs4::available_space(folder) {
        Ok(free) if free < needed => Err(HubError::DiskFull {
            path: folder.to_owned(),
            needed: Some(needed),
        }),
        // Where nobody knows, the write will tell.
        _ => Ok(()),
    }
}
