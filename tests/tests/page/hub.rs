//! A model hub on this machine: it lists files, sends ranges of them, and refuses as the real one
//! does.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

/// The token that opens gated repositories.
pub const TOKEN: &str = "hf_right";

/// The commit of every repository.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Bytes are sent in chunks of this length.
const CHUNK: usize = 64 << 10;

/// A hub with repositories; it ends with this.
pub struct Hub {
    /// Its address.
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    repositories: Mutex<HashMap<String, Repository>>,
    served: AtomicU64,
    /// Microseconds to wait after each chunk.
    pace: AtomicU64,
}

#[derive(Clone, Default)]
struct Repository {
    files: Vec<(String, Bytes)>,
    gated: bool,
}

impl Hub {
    /// Starts one without repositories on a free port.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            shared,
            server,
        }
    }

    /// Adds a repository with these files.
    pub fn add(&self, id: &str, gated: bool, files: &[PathBuf]) {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let read = |path: &PathBuf| (name(path), Bytes::from(fs::read(path).unwrap()));
        let repository = Repository {
            files: files.iter().map(read).collect(),
            gated,
        };
        let mut repositories = self.shared.repositories.lock().unwrap();
        repositories.insert(id.to_owned(), repository);
    }

    /// Adds a file to a repository.
    pub fn add_file(&self, id: &str, name: &str, bytes: Vec<u8>) {
        let mut repositories = self.shared.repositories.lock().unwrap();
        let files = &mut repositories.entry(id.to_owned()).or_default().files;
        files.push((name.to_owned(), bytes.into()));
    }

    /// Makes every answer take its time: this long for each 64 KiB.
    pub fn slow_down(&self, pause: Duration) {
        let pause = pause.as_micros() as u64;
        self.shared.pace.store(pause, Ordering::Relaxed);
    }

    /// Bytes of files that were sent since the last call.
    pub fn served(&self) -> u64 {
        self.shared.served.swap(0, Ordering::Relaxed)
    }

    /// Stops answering.
    pub fn stop(&self) {
        self.server.abort();
    }

    /// Lets the site in `folder` use this hub.
    pub fn point_at_it(&self, folder: &Path) {
        let path = folder.join("index.html");
        let page = fs::read_to_string(&path).unwrap();
        let real = "https://huggingface.co https://*.huggingface.co https://*.hf.co";
        assert!(page.contains(real), "the page may not connect to the hub");
        let page = page.replace(real, &self.url);
        let page = page.replace(
            "content=\"https://huggingface.co\"",
            &format!("content=\"{}\"", self.url),
        );
        // A new file: the old one may be linked to the built site.
        fs::remove_file(&path).unwrap();
        fs::write(&path, page).unwrap();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        respond(&shared, request.uri().path(), request.headers())
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-headers", "authorization, range"),
        (
            "access-control-expose-headers",
            "X-Error-Code, X-Error-Message, Content-Range",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn respond(shared: &Arc<Shared>, path: &str, headers: &HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).map(|value| {
        value
            .to_str()
            .unwrap()
            .trim_start_matches("Bearer ")
            .to_owned()
    });
    if token.as_deref().is_some_and(|token| token != TOKEN) {
        // The real hub names no code here.
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let refuse =
        |status: StatusCode, code: &'static str| (status, [("X-Error-Code", code)]).into_response();
    let (listed, rest) = match path.strip_prefix("/api/models/") {
        Some(rest) => (true, rest),
        None => (false, path.trim_start_matches('/')),
    };
    let parts: Vec<&str> = rest.splitn(5, '/').collect();
    let (id, kind, revision, file) = match parts.as_slice() {
        [owner, name, kind, revision] => (format!("{owner}/{name}"), *kind, *revision, None),
        [owner, name, kind, revision, file] => {
            (format!("{owner}/{name}"), *kind, *revision, Some(*file))
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let repository = shared.repositories.lock().unwrap().get(&id).cloned();
    let Some(repository) = repository else {
        // So that private repositories are not disclosed.
        let status = if token.is_some() { 404 } else { 401 };
        return refuse(StatusCode::from_u16(status).unwrap(), "RepoNotFound");
    };
    if ![COMMIT, "main"].contains(&revision) {
        return refuse(StatusCode::NOT_FOUND, "RevisionNotFound");
    }
    match (listed, kind, file) {
        (true, "revision", None) => list(&id, &repository),
        (false, "resolve", Some(_)) if repository.gated && token.is_none() => {
            refuse(StatusCode::UNAUTHORIZED, "GatedRepo")
        }
        (false, "resolve", Some(name)) => {
            match repository
                .files
                .into_iter()
                .find(|(known, _)| known == name)
            {
                Some((_, bytes)) => send(shared, bytes, headers),
                None => refuse(StatusCode::NOT_FOUND, "EntryNotFound"),
            }
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn list(id: &str, repository: &Repository) -> Response {
    let siblings = repository.files.iter().map(|(name, bytes)| {
        let digest = Sha256::digest(bytes);
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut file = json!({ "rfilename": name, "size": bytes.len(), "blobId": &sha256[..40] });
        if name.ends_with(".safetensors") || name.ends_with(".gguf") {
            file["lfs"] = json!({ "sha256": sha256, "size": bytes.len(), "pointerSize": 134 });
        }
        file
    });
    let listing = json!({
        "id": id,
        "sha": COMMIT,
        "gated": if repository.gated { json!("auto") } else { json!(false) },
        "siblings": siblings.collect::<Vec<_>>(),
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        listing.to_string(),
    )
        .into_response()
}

fn send(shared: &Arc<Shared>, bytes: Bytes, headers: &HeaderMap) -> Response {
    let total = bytes.len();
    let range = headers.get(header::RANGE).map(|range| {
        let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
        let (start, end) = range.split_once('-').unwrap();
        (
            start.parse::<usize>().unwrap(),
            end.parse::<usize>().unwrap() + 1,
        )
    });
    let (status, (start, end)) = match range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        None => (StatusCode::OK, (0, total)),
    };
    let bytes = bytes.slice(start..end.min(total));
    let shared = Arc::clone(shared);
    let chunks = stream::unfold(bytes, move |mut bytes| {
        let shared = Arc::clone(&shared);
        async move {
            if bytes.is_empty() {
                return None;
            }
            let chunk = bytes.split_to(bytes.len().min(CHUNK));
            let pause = shared.pace.load(Ordering::Relaxed);
            if pause > 0 {
                sleep(Duration::from_micros(pause)).await;
            }
            shared
                .served
                .fetch_add(chunk.len() as u64, Ordering::Relaxed);
            Some((Ok::<_, std::io::Error>(chunk), bytes))
        }
    });
    let content_range = format!("bytes {start}-{}/{total}", end.saturating_sub(1));
    (
        status,
        [
            (header::CONTENT_RANGE, content_range),
            (header::CONTENT_LENGTH, (end.min(total) - start).to_string()),
        ],
        Body::from_stream(chunks),
    )
        .into_response()
}
