//! Obtains the files of a model from their source.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::{LocalBoxFuture, TryFutureExt as _};
use vitrine_checkpoint::files::choose;
use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{CheckpointError, Config};
use vitrine_protocol::{HubAccess, LoadPhase, ModelSource};
use web_sys::Blob;

use crate::directory;
use crate::download::Download;
use crate::error::WorkerError;
use crate::hub::Repository;
use crate::manifest::Manifest;
use crate::meter::Meter;
use crate::model_file::ModelFile;
use crate::partial_file::PartialFile;
use crate::remote::{RemoteFile, is_weights};
use crate::storage::{self, FileRecord, Record, Store};

/// Picked files are copied into storage in pieces of this length.
const COPY_PIECE: u64 = 4 << 20;

/// Describes the model of a folder in Hugging Face format.
const CONFIG: &str = "config.json";

/// The files of a model, and their download.
pub struct Obtained<'a> {
    /// The model's name for people.
    pub name: String,
    /// File names and bytes.
    pub files: Vec<(String, Rc<PartialFile>)>,
    /// Downloads the missing bytes and verifies them; `None` if nothing is missing.
    pub arrival: Option<Arrival<'a>>,
    /// Whether all of it was in the browser's storage already.
    pub from_storage: bool,
    /// Whether the next visit finds it there.
    pub kept: bool,
}

/// A download that continues while it is awaited.
pub type Arrival<'a> = LocalBoxFuture<'a, Result<(), WorkerError>>;

/// The files of a model, from storage if complete, else from its source.
pub async fn obtain<'a>(
    source: &'a ModelSource,
    hub: &'a HubAccess,
    picked: Vec<Blob>,
    store: Option<&'a Store>,
    meter: &'a RefCell<Meter>,
) -> Result<Obtained<'a>, WorkerError> {
    if let Some(store) = store
        && !matches!(source, ModelSource::Local { .. })
        && let Some(files) = stored(source, store).await?
    {
        return Ok(Obtained {
            name: storage::title(source),
            files: whole(files),
            arrival: None,
            from_storage: true,
            kept: true,
        });
    }
    let (files, arrival) = match source {
        ModelSource::Site { name, manifest_url } => {
            let manifest = Manifest::fetch(manifest_url).await?;
            let file = manifest.into_file(name, manifest_url);
            let (files, arrival) = fetch(source, vec![file], None, store, meter).await?;
            (files, Some(arrival))
        }
        ModelSource::Hub { id, revision, file } => {
            let repository = Repository { hub, id, revision };
            let remote = wanted(repository.files().await?, id, file.as_deref())?;
            let token = hub.token.as_deref();
            let (files, arrival) = fetch(source, remote, token, store, meter).await?;
            let arrival = arrival.map_err(move |error| match error {
                WorkerError::Fetch(error) => repository.refusal(error),
                error => error,
            });
            (files, Some(Box::pin(arrival) as Arrival<'a>))
        }
        ModelSource::Local { name, files, keep } => {
            let picked = picked_files(files, picked)?;
            let files = match store {
                Some(store) if *keep => copy(name, picked, store, meter).await?,
                _ => picked,
            };
            (whole(files), None)
        }
        ModelSource::Kept { .. } => return Err(WorkerError::NoFiles),
    };
    let wants_to_stay = !matches!(source, ModelSource::Local { keep: false, .. });
    Ok(Obtained {
        name: storage::title(source),
        files,
        arrival,
        from_storage: false,
        kept: store.is_some() && wants_to_stay,
    })
}

/// The files of a model that is completely stored.
async fn stored(
    source: &ModelSource,
    store: &Store,
) -> Result<Option<Vec<(String, ModelFile)>>, WorkerError> {
    let key = storage::key(source);
    let Some(record) = store.record(&key).await.filter(Record::complete) else {
        return Ok(None);
    };
    let folder = store.model(&key).await?;
    let mut files = Vec::new();
    for FileRecord { name, bytes, .. } in record.files {
        let file = folder.open_file(&name).await?;
        if file.len() != bytes {
            return Ok(None);
        }
        files.push((name, ModelFile::Stored(file)));
    }
    Ok(Some(files))
}

fn whole(files: Vec<(String, ModelFile)>) -> Vec<(String, Rc<PartialFile>)> {
    let whole = |(name, file)| (name, Rc::new(PartialFile::whole(file)));
    files.into_iter().map(whole).collect()
}

/// Files that come one after the other; the first are small and say what the others are.
async fn fetch<'a>(
    source: &ModelSource,
    remote: Vec<RemoteFile>,
    token: Option<&'a str>,
    store: Option<&'a Store>,
    meter: &'a RefCell<Meter>,
) -> Result<(Vec<(String, Rc<PartialFile>)>, Arrival<'a>), WorkerError> {
    let mut download = Download::begin(source, store, &remote, token, meter).await;
    download.make_room().await?;
    let files = download.open().await?;
    let targets = files.clone();
    let arrival = async move {
        for (file, (_, target)) in remote.iter().zip(&targets) {
            download.file(file, target).await?;
            if file.name == CONFIG {
                // This refuses unsupported models before their weights are downloaded.
                let json = target.read(0..target.len()).await;
                Config::from_json(&json.map_err(CheckpointError::from)?)?;
            }
        }
        Ok(())
    };
    Ok((files, Box::pin(arrival)))
}

/// Those files of a repository that make the model, in the order in which to fetch them.
fn wanted(
    mut remote: Vec<RemoteFile>,
    id: &str,
    file: Option<&str>,
) -> Result<Vec<RemoteFile>, WorkerError> {
    if let Some(wanted) = file {
        let found = remote.into_iter().find(|file| file.name == wanted);
        return match found {
            Some(file) => Ok(vec![file]),
            None => Err(WorkerError::NoFile {
                id: id.to_owned(),
                file: wanted.to_owned(),
            }),
        };
    }
    let names: Vec<String> = remote.iter().map(|file| file.name.clone()).collect();
    let chosen = chosen(&names)?;
    remote.retain(|file| chosen.contains(&file.name));
    remote.sort_by_key(|file| chosen.iter().position(|name| *name == file.name));
    Ok(remote)
}

fn picked_files(
    names: &[String],
    picked: Vec<Blob>,
) -> Result<Vec<(String, ModelFile)>, WorkerError> {
    if names.len() != picked.len() || names.is_empty() {
        return Err(WorkerError::NoFiles);
    }
    let chosen = chosen(names)?;
    let files = names.iter().cloned().zip(picked);
    Ok(files
        .filter(|(name, _)| chosen.contains(name))
        .map(|(name, blob)| (name, ModelFile::Picked(blob)))
        .collect())
}

/// Those of several files that make the model.
fn chosen(names: &[String]) -> Result<Vec<String>, WorkerError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let chosen = choose(&names)?;
    match missing_shard(&chosen) {
        Some(missing) => Err(WorkerError::MissingShard { missing }),
        None => Ok(chosen.into_iter().map(str::to_owned).collect()),
    }
}

/// The first shard that the names of the others promise, `model-00002-of-00003.safetensors`.
fn missing_shard(names: &[&str]) -> Option<String> {
    let parts = |name: &str| {
        let (stem, ending) = name.rsplit_once('.')?;
        let (rest, total) = stem.rsplit_once("-of-")?;
        let (prefix, number) = rest.rsplit_once('-')?;
        let total_number: u32 = total.parse().ok()?;
        number.parse::<u32>().ok()?;
        Some((
            prefix.to_owned(),
            number.len(),
            total.to_owned(),
            total_number,
            ending.to_owned(),
        ))
    };
    let (prefix, width, total, count, ending) = names.iter().find_map(|name| parts(name))?;
    (1..=count)
        .map(|number| format!("{prefix}-{number:0width$}-of-{total}.{ending}"))
        .find(|name| !names.contains(&name.as_str()))
}

/// Copies picked files into storage and opens them there.
async fn copy(
    name: &str,
    picked: Vec<(String, ModelFile)>,
    store: &Store,
    meter: &RefCell<Meter>,
) -> Result<Vec<(String, ModelFile)>, WorkerError> {
    let source = ModelSource::Kept {
        name: name.to_owned(),
    };
    let key = storage::key(&source);
    store.remove(&key).await;
    let total = picked.iter().map(|(_, file)| file.len()).sum();
    store.check_room(total).await?;
    let files = picked.iter().map(|(name, file)| FileRecord {
        name: name.clone(),
        bytes: file.len(),
        tag: String::new(),
        done: 0,
        verified: false,
    });
    let mut record = Record {
        source,
        files: files.collect(),
    };
    // Written first, so that an interrupted copy is listed and can be deleted.
    store.write_record(&key, &record).await?;
    let folder = store.model(&key).await?;
    let named = picked.iter().map(|(name, file)| (name.as_str(), file));
    directory::tell(named, meter).await;
    let mut copied = Vec::new();
    let mut done = 0;
    let mut weights = 0;
    for (index, (name, file)) in picked.into_iter().enumerate() {
        let target = folder.open_file(&name).await?;
        let mut position = 0;
        while position < file.len() {
            let end = file.len().min(position + COPY_PIECE);
            let piece = file.read_range(position..end).await;
            let piece = piece.map_err(CheckpointError::from)?;
            target.write(position, &piece)?;
            done += end - position;
            if is_weights(&name) {
                meter.borrow_mut().arrived.add(weights, position..end);
            }
            position = end;
            meter.borrow_mut().report(LoadPhase::Keep, done, total);
        }
        weights += u32::from(is_weights(&name));
        target.truncate(position)?;
        target.flush()?;
        record.files[index].done = position;
        record.files[index].verified = true;
        store.write_record(&key, &record).await?;
        copied.push((name, ModelFile::Stored(target)));
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_shard_is_named() {
        let names = [
            "config.json",
            "model-00001-of-00003.safetensors",
            "model-00003-of-00003.safetensors",
        ];
        assert_eq!(
            missing_shard(&names).as_deref(),
            Some("model-00002-of-00003.safetensors")
        );
        let names = [
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
        ];
        assert_eq!(missing_shard(&names), None);
        assert_eq!(
            missing_shard(&["model.safetensors", "state-of-art.gguf"]),
            None
        );
    }

    #[test]
    fn files_of_a_repository_come_small_ones_first() {
        let remote = |name: &str| RemoteFile {
            name: name.to_owned(),
            bytes: 1,
            sha256: None,
            tag: String::new(),
            pieces: Vec::new(),
        };
        let all = [
            "model.safetensors",
            "tokenizer.json",
            "x.bin",
            "config.json",
        ];
        let names = |file| {
            wanted(all.map(remote).into(), "a/b", file)
                .map(|files| files.into_iter().map(|file| file.name).collect::<Vec<_>>())
        };
        assert_eq!(
            names(None).unwrap(),
            ["config.json", "tokenizer.json", "model.safetensors"]
        );
        assert_eq!(names(Some("x.bin")).unwrap(), ["x.bin"]);
        let error = names(Some("y.gguf")).unwrap_err().to_string();
        assert!(error.contains("y.gguf"), "{error}");
    }
}
