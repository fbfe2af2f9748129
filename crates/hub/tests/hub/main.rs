//! Fetches models from a hub that runs inside the test, over real connections into a real cache.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod python;
mod server;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use server::{COMMIT, Server, TOKEN, sha256};
use vitrine_hub::{
    HubError, HubErrorKind, HubId, HubSettings, Progress, Snapshot, fetch_model_with,
};

/// A temporary folder, deleted on drop.
pub struct Folder(pub PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vitrine-hub-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// 300,000 pseudo-random bytes: more than one chunk of the client.
fn weights() -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..300_000).map(|_| next()).collect()
}

const INDEX: &[u8] = br#"{"metadata":{"total_size":8},"weight_map":{
    "a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}"#;

fn model() -> Server {
    Server::start(&[
        ("README.md", b"not needed"),
        ("config.json", b"{}"),
        ("tokenizer.json", b"{\"a\":1}"),
        ("model.safetensors.index.json", INDEX),
        ("model-00001-of-00002.safetensors", &weights()),
        ("model-00002-of-00002.safetensors", b"second"),
    ])
}

fn settings(server: &Server, cache: &Folder) -> HubSettings {
    HubSettings {
        endpoint: server.endpoint.clone(),
        cache: cache.0.clone(),
        token: None,
        offline: false,
        retries: 1,
    }
}

/// Selects files as for a local folder, except for weights, which the index lists.
fn choose(names: &[String]) -> Result<Vec<String>, String> {
    let is_wanted = |name: &&String| name.ends_with(".json") || name.ends_with(".gguf");
    let chosen: Vec<String> = names.iter().filter(is_wanted).cloned().collect();
    if chosen.is_empty() {
        return Err("there is no model".to_owned());
    }
    Ok(chosen)
}

fn fetch(id: &str, settings: &HubSettings) -> Result<Snapshot, HubError> {
    fetch_model_with(&HubId::parse(id).unwrap(), settings, &choose, &mut |_| {})
}

fn assert_complete(folder: &Path) {
    assert_eq!(fs::read(folder.join("config.json")).unwrap(), b"{}");
    assert_eq!(
        fs::read(folder.join("model-00001-of-00002.safetensors")).unwrap(),
        weights()
    );
    assert_eq!(
        fs::read(folder.join("model-00002-of-00002.safetensors")).unwrap(),
        b"second"
    );
}

#[test]
fn a_model_is_fetched_once() {
    let (server, cache) = (model(), Folder::new());
    let settings = settings(&server, &cache);
    let snapshot = fetch("owner/model", &settings).unwrap();
    assert_complete(&snapshot.folder);
    assert_eq!(snapshot.files.len(), 5);
    assert!(!snapshot.folder.join("README.md").exists());
    let repo = cache.0.join("models--owner--model");
    assert_eq!(snapshot.folder, repo.join("snapshots").join(COMMIT));
    assert_eq!(fs::read_to_string(repo.join("refs/main")).unwrap(), COMMIT);
    assert!(repo.join("blobs").join(sha256(b"second")).is_file());
    #[cfg(unix)]
    assert_eq!(
        fs::read_link(snapshot.folder.join("model-00002-of-00002.safetensors")).unwrap(),
        Path::new("../../blobs").join(sha256(b"second"))
    );

    server.take_log();
    fetch("owner/model", &settings).unwrap();
    assert_eq!(
        server.take_log(),
        ["GET /api/models/owner/model/revision/main"]
    );
    fetch(&format!("owner/model@{COMMIT}"), &settings).unwrap();
    assert!(server.take_log().is_empty(), "a commit never changes");
}

#[test]
fn revisions_are_looked_up() {
    let (server, cache) = (model(), Folder::new());
    let settings = settings(&server, &cache);
    for id in ["owner/model@v1", "owner/model@refs/pr/1"] {
        assert_complete(&fetch(id, &settings).unwrap().folder);
    }
    let refs = cache.0.join("models--owner--model/refs");
    assert_eq!(fs::read_to_string(refs.join("v1")).unwrap(), COMMIT);
    assert_eq!(fs::read_to_string(refs.join("refs/pr/1")).unwrap(), COMMIT);
    let error = fetch("owner/model@v2", &settings).unwrap_err();
    assert!(matches!(error, HubError::NoRevision { .. }), "{error}");
    assert_eq!(error.kind(), HubErrorKind::Request);
}

#[test]
fn a_renamed_model_is_found() {
    let (server, cache) = (model(), Folder::new());
    let snapshot = fetch("old/name", &settings(&server, &cache)).unwrap();
    assert_complete(&snapshot.folder);
    assert!(cache.0.join("models--old--name").is_dir());
}

#[test]
fn a_gguf_file_is_chosen_by_name_or_part_of_it() {
    let server = Server::start(&[
        ("m.Q4_K_M.gguf", b"four"),
        ("m.Q8_0.gguf", b"eight"),
        ("sub/m.F16.gguf", b"sixteen"),
        ("config.json", b"{}"),
    ]);
    let cache = Folder::new();
    let settings = settings(&server, &cache);
    for (file, content) in [
        ("m.Q8_0.gguf", "eight"),
        ("q4_k_m", "four"),
        ("sub/m.F16.gguf", "sixteen"),
    ] {
        let snapshot = fetch(&format!("owner/model:{file}"), &settings).unwrap();
        assert_eq!(snapshot.files.len(), 1);
        let path = snapshot.folder.join(&snapshot.files[0]);
        assert_eq!(fs::read_to_string(path).unwrap(), content);
    }
    for file in ["Q5_0", ".gguf"] {
        let error = fetch(&format!("owner/model:{file}"), &settings).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, HubError::NoFile { .. }), "{text}");
        assert!(text.contains("m.Q4_K_M.gguf, m.Q8_0.gguf"), "{text}");
    }
}

#[test]
fn a_broken_download_resumes() {
    let (server, cache) = (model(), Folder::new());
    let settings = settings(&server, &cache);
    server.change(|behaviour| behaviour.break_after = Some(100_000));
    // Each connection sends 100,000 bytes, so three are enough.
    assert_complete(&fetch("owner/model", &settings).unwrap().folder);
    let ranges: Vec<String> = server
        .take_log()
        .into_iter()
        .filter(|line| line.contains("bytes="))
        .filter_map(|line| line.split("bytes=").nth(1).map(str::to_owned))
        .collect();
    assert_eq!(ranges, ["100000-", "200000-"]);
}

#[test]
fn an_interrupted_download_resumes_next_time() {
    let (server, cache) = (model(), Folder::new());
    let settings = settings(&server, &cache);
    let partial = cache
        .0
        .join("models--owner--model/blobs")
        .join(format!("{}.incomplete", sha256(&weights())));
    fs::create_dir_all(partial.parent().unwrap()).unwrap();
    fs::write(&partial, &weights()[..12_345]).unwrap();
    server.change(|behaviour| behaviour.break_after = Some(0));
    let error = fetch("owner/model", &settings).unwrap_err();
    assert!(
        matches!(error, HubError::Interrupted { done: 12_345, .. }),
        "{error}"
    );
    assert_eq!(error.kind(), HubErrorKind::Network);

    server.change(|behaviour| behaviour.break_after = None);
    server.take_log();
    assert_complete(&fetch("owner/model", &settings).unwrap().folder);
    assert!(
        server
            .take_log()
            .iter()
            .any(|line| line.ends_with("bytes=12345-"))
    );
    assert!(!partial.exists());
}

#[test]
fn wrong_bytes_are_refused_and_forgotten() {
    let (server, cache) = (model(), Folder::new());
    let settings = settings(&server, &cache);
    // Another program left a partial file with other content.
    let blobs = cache.0.join("models--owner--model/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let partial = blobs.join(format!("{}.incomplete", sha256(&weights())));
    fs::write(&partial, [7; 1000]).unwrap();
    let error = fetch("owner/model", &settings).unwrap_err();
    assert!(matches!(error, HubError::Mismatch { .. }), "{error}");
    assert!(!partial.exists());
    server.change(|behaviour| behaviour.corrupt = true);
    let error = fetch("owner/model", &settings).unwrap_err();
    assert!(matches!(error, HubError::Mismatch { .. }), "{error}");
    server.change(|behaviour| behaviour.corrupt = false);
    assert_complete(&fetch("owner/model", &settings).unwrap().folder);
}

/// Addresses of bytes expire; the hub is asked for a new one, and the download goes on from there.
#[test]
fn an_expired_address_is_asked_for_anew() {
    let (server, cache) = (model(), Folder::new());
    let settings = settings(&server, &cache);
    server.change(|behaviour| {
        behaviour.break_after = Some(100_000);
        behaviour.uses_of_an_address = Some(2);
    });
    assert_complete(&fetch("owner/model", &settings).unwrap().folder);
    let log = server.take_log();
    assert!(
        log.iter().any(|line| line.ends_with("bytes=200000-")),
        "{log:?}"
    );
}

/// A refusal is no broken connection: one new address, and then the sentence says what happened.
#[test]
fn refused_bytes_are_asked_for_twice() {
    let (server, cache) = (model(), Folder::new());
    let settings = settings(&server, &cache);
    server.change(|behaviour| behaviour.uses_of_an_address = Some(0));
    let error = fetch("owner/model", &settings).unwrap_err();
    assert!(
        matches!(error, HubError::BytesRefused { status: 403, .. }),
        "{error}"
    );
    let log = server.take_log();
    let asked = log.iter().filter(|line| line.contains("/storage/")).count();
    assert_eq!(asked, 2, "{log:?}");
    server.change(|behaviour| behaviour.uses_of_an_address = None);
    assert_complete(&fetch("owner/model", &settings).unwrap().folder);
}

/// Nothing of a page becomes the beginning of a file, and compressed bytes are not kept.
#[test]
fn what_is_not_the_file_is_not_kept() {
    let (server, cache) = (model(), Folder::new());
    let settings = settings(&server, &cache);
    for (change, word) in [
        (
            (|behaviour| behaviour.page = true) as fn(&mut server::Behaviour),
            "15 bytes",
        ),
        (|behaviour| behaviour.compressed = true, "compressed"),
    ] {
        server.change(change);
        let error = fetch("owner/model", &settings).unwrap_err();
        assert!(matches!(error, HubError::NotTheFile { .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
        server.change(|behaviour| (behaviour.page, behaviour.compressed) = (false, false));
        let _ = fs::remove_dir_all(&cache.0);
    }
    server.change(|behaviour| behaviour.page = true);
    fetch("owner/model", &settings).unwrap_err();
    server.change(|behaviour| behaviour.page = false);
    assert_complete(&fetch("owner/model", &settings).unwrap().folder);
    assert!(!server.take_log().iter().any(|line| line.contains("bytes=")));
}

#[test]
fn a_mirror_may_redirect_to_a_whole_address() {
    let (server, cache) = (model(), Folder::new());
    server.change(|behaviour| behaviour.mirrored = true);
    assert_complete(
        &fetch("owner/model", &settings(&server, &cache))
            .unwrap()
            .folder,
    );
}

#[test]
fn offline_the_cache_is_enough() {
    let (server, cache) = (model(), Folder::new());
    let mut settings = settings(&server, &cache);
    settings.offline = true;
    let error = fetch("owner/model", &settings).unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(server.take_log().is_empty());

    settings.offline = false;
    let snapshot = fetch("owner/model", &settings).unwrap();
    settings.offline = true;
    server.take_log();
    let again = fetch("owner/model", &settings).unwrap();
    assert_eq!(again.folder, snapshot.folder);
    assert_complete(&again.folder);
    assert!(server.take_log().is_empty());

    // Without one shard the model is incomplete.
    fs::remove_file(snapshot.folder.join("model-00002-of-00002.safetensors")).unwrap();
    let error = fetch("owner/model", &settings).unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
}

#[test]
fn without_a_network_the_cache_is_used() {
    let (server, cache) = (model(), Folder::new());
    let mut settings = settings(&server, &cache);
    let folder = fetch("owner/model", &settings).unwrap().folder;
    for status in [500, 503, 401] {
        server.change(|behaviour| behaviour.status = Some(status));
        assert_eq!(fetch("owner/model", &settings).unwrap().folder, folder);
    }
    // Nothing listens on this port.
    settings.endpoint = "http://127.0.0.1:9".to_owned();
    let mut told = Vec::new();
    let id = HubId::parse("owner/model").unwrap();
    let mut progress = |progress: Progress<'_>| told.push(format!("{progress:?}"));
    fetch_model_with(&id, &settings, &choose, &mut progress).unwrap();
    assert_eq!(told.last().unwrap(), "Cached");

    let error = fetch("owner/other", &settings).unwrap_err();
    assert!(matches!(error, HubError::NoConnection { .. }), "{error}");
    assert_eq!(error.kind(), HubErrorKind::Network);
}

#[test]
fn gated_models_ask_for_access() {
    let (server, cache) = (model(), Folder::new());
    server.change(|behaviour| behaviour.gated = true);
    let mut settings = settings(&server, &cache);
    let page = format!("{}/owner/model", server.endpoint);
    for (token, advice) in [
        (None, "set HF_TOKEN"),
        (Some("hf_stranger"), "account of your token"),
    ] {
        settings.token = token.map(str::to_owned);
        let error = fetch("owner/model", &settings).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, HubError::Gated { .. }), "{text}");
        assert!(text.contains(&page) && text.contains(advice), "{text}");
    }
    settings.token = Some(TOKEN.to_owned());
    assert_complete(&fetch("owner/model", &settings).unwrap().folder);
}

#[test]
fn a_wrong_token_is_named() {
    let (server, cache) = (model(), Folder::new());
    let mut settings = settings(&server, &cache);
    settings.token = Some("hf_expired".to_owned());
    let error = fetch("owner/model", &settings).unwrap_err();
    assert!(matches!(error, HubError::WrongToken { .. }), "{error}");
    assert!(error.to_string().contains("HF_TOKEN"), "{error}");
    assert!(!error.to_string().contains("hf_expired"), "{error}");
}

#[test]
fn a_model_that_does_not_exist() {
    let (server, cache) = (model(), Folder::new());
    let mut settings = settings(&server, &cache);
    for token in [None, Some(TOKEN)] {
        settings.token = token.map(str::to_owned);
        let error = fetch("owner/nothing", &settings).unwrap_err();
        assert!(matches!(error, HubError::NoModel { .. }), "{error}");
        assert_eq!(error.kind(), HubErrorKind::Request);
    }
    assert_eq!(fs::read_dir(&cache.0).unwrap().count(), 0);
}

#[test]
fn a_server_out_of_order() {
    let (server, cache) = (model(), Folder::new());
    server.change(|behaviour| behaviour.status = Some(502));
    let error = fetch("owner/model", &settings(&server, &cache)).unwrap_err();
    assert!(
        matches!(error, HubError::Refused { status: 502, .. }),
        "{error}"
    );
}

#[test]
fn a_file_larger_than_the_disk_is_not_begun() {
    let cache = Folder::new();
    let server = Server::start(&[("config.json", b"{}")]);
    server.change(|behaviour| behaviour.announce_more = u64::MAX / 2);
    let error = fetch("owner/model", &settings(&server, &cache)).unwrap_err();
    assert!(matches!(error, HubError::DiskFull { .. }), "{error}");
    assert_eq!(error.kind(), HubErrorKind::Model);
    let log = server.take_log();
    assert!(
        !log.iter().any(|line| line.contains("GET /owner")),
        "{log:?}"
    );
}

#[test]
fn an_index_cannot_name_files_elsewhere() {
    for (shard, words) in [
        ("../../x.safetensors", "outside"),
        ("gone.safetensors", "not there"),
    ] {
        let index = format!(r#"{{"weight_map":{{"a":"{shard}"}}}}"#);
        let server = Server::start(&[
            ("config.json", b"{}"),
            ("model.safetensors.index.json", index.as_bytes()),
        ]);
        let cache = Folder::new();
        let error = fetch("owner/model", &settings(&server, &cache)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.kind(), HubErrorKind::Model);
    }
}
