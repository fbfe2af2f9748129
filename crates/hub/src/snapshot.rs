//! Fetches all files of a model on the hub, from the cache or over the network.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use vitrine_protocol::is_relative_path;

use crate::{
    HubError, HubId, HubSettings, Progress,
    client::Client,
    download::{Download, has_length},
    progress::Display,
    repo_cache::RepoCache,
};

/// A model of the hub, complete in the cache.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The folder of its commit in the cache.
    pub folder: PathBuf,
    /// The model's files, relative to the folder.
    pub files: Vec<String>,
}

/// Selects the model's files from the names of all files in a repository, or returns the reason why it cannot ("it has
/// no weights").
pub type Choose<'a> = dyn Fn(&[String]) -> Result<Vec<String>, String> + 'a;

/// Fetches the files of a model unless they are cached, and shows progress on standard error.
///
/// # Errors
/// See [`fetch_model_with`].
pub fn fetch_model(
    id: &HubId,
    settings: &HubSettings,
    choose: &Choose<'_>,
) -> Result<Snapshot, HubError> {
    let mut display = Display::new();
    fetch_model_with(id, settings, choose, &mut |progress| {
        display.show(&progress);
    })
}

/// Fetches the files of a model unless they are cached.
///
/// Looks up the revision on the hub, unless it is a commit that is complete in the cache. Uses the cached model if the
/// hub cannot be reached or refuses it.
///
/// # Errors
/// Any [`HubError`] that leaves the model incomplete.
pub fn fetch_model_with(
    id: &HubId,
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

/// The model, if it is complete in the cache.
fn cached(cache: &RepoCache, id: &HubId, choose: &Choose<'_>) -> Option<Snapshot> {
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
    id: &HubId,
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
    // Weights come last: the index of the shards is among the other files, and with the weights a model is complete.
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
    // Where there is an index, it says which files the weights are in.
    let weights = match shards.is_empty() {
        true => weights,
        false => shards.iter().cloned().collect(),
    };
    fetch.all(&weights, progress)?;
    cache.note_commit(id, &revision.commit);
    Ok(Snapshot {
        folder,
        files: [rest, weights].concat(),
    })
}

/// The files of a model: the one named in the id, or the selection of `choose`.
fn wanted(id: &HubId, names: &[String], choose: &Choose<'_>) -> Result<Vec<String>, HubError> {
    let Some(wanted) = &id.file else {
        return choose(names).map_err(|reason| HubError::NotAModel {
            id: id.to_string(),
            reason,
        });
    };
    let parts = split_parts(wanted, names);
    if !parts.is_empty() {
        return choose(&parts).map_err(|reason| HubError::NotAModel {
            id: id.to_string(),
            reason,
        });
    }
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

/// The files of the split GGUF file that `wanted` is a part of (`stem-00001-of-00003.gguf`); empty if it is whole.
fn split_parts(wanted: &str, names: &[String]) -> Vec<String> {
    let split = |name: &str| {
        let (rest, count) = name.rsplit_once("-of-")?;
        let (stem, number) = rest.rsplit_once('-')?;
        let is_number = number.len() == 5 && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| (stem.to_owned(), count.to_owned()))
    };
    match split(wanted) {
        Some(of) if wanted.ends_with(".gguf") => {
            let same = names
                .iter()
                .filter(|name| split(name).as_ref() == Some(&of));
            same.cloned().collect()
        }
        _ => Vec::new(),
    }
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

/// The shards listed in the index among `files`; empty if there is no index.
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
            "{name} names a file outside the model's folder ({shard:?})"
        )),
        None => Ok(shards),
    }
}

/// Downloads files of one commit.
struct Fetch<'a> {
    client: &'a Client,
    cache: &'a RepoCache,
    id: &'a HubId,
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
                renew: &|| self.client.file(self.id, self.commit, name),
                retries: self.retries,
            };
            // Both closures report to the same display.
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

/// Fails before the download if the disk is too small.
fn check_space(path: &Path, needed: u64) -> Result<(), HubError> {
    let folder = path.parent().unwrap_or(path);
    match fs4::available_space(folder) {
        Ok(free) if free < needed => Err(HubError::DiskFull {
            path: folder.to_owned(),
            needed: Some(needed),
        }),
        // If the free space is unknown, a failing write reports it.
        _ => Ok(()),
    }
}
