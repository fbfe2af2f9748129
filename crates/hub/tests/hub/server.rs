//! A local hub with one repository that answers like the real one: redirects to a storage host, ranges, and errors with
//! their headers.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use sha2::{Digest, Sha256};

/// The only commit.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// The only token with access to the gated repository.
pub const TOKEN: &str = "hf_right";

/// Behaviour of the server; it can be changed while the server runs.
#[derive(Default)]
pub struct Behaviour {
    /// Content by name. Names ending in `.safetensors` or `.gguf` are stored as large files.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The repository is gated; only [`TOKEN`] has access.
    pub gated: bool,
    /// Closes the connection after this many bytes of a large file.
    pub break_after: Option<usize>,
    /// Answers every request with this status.
    pub status: Option<u16>,
    /// An address of bytes is good for this many requests, then refused with 403; 0 refuses all.
    pub uses_of_an_address: Option<usize>,
    /// Sends a page of HTML in place of the bytes of large files.
    pub page: bool,
    /// Says that small files are compressed.
    pub compressed: bool,
    /// Redirects everything to the whole address of a mirror on this server.
    pub mirrored: bool,
    /// Sends other bytes than those of the announced checksum.
    pub corrupt: bool,
    /// Announces this many bytes more than it sends.
    pub announce_more: u64,
    /// The requests so far: method, path, Range.
    pub log: Vec<String>,
}

/// A running server.
pub struct Server {
    pub endpoint: String,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Server {
    pub fn start(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let files = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
        let behaviour = Arc::new(Mutex::new(Behaviour {
            files: files.collect(),
            ..Behaviour::default()
        }));
        let (shared, base) = (behaviour.clone(), endpoint.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, base) = (shared.clone(), base.clone());
                // Errors of clients that hang up early are ignored.
                thread::spawn(move || {
                    let _ = answer(&stream, &base, &shared);
                });
            }
        });
        Self {
            endpoint,
            behaviour,
        }
    }

    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    /// The requests since the last call.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.behaviour.lock().unwrap().log)
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

/// Substitute for git's SHA-1 of a small file.
fn small_etag(bytes: &[u8]) -> String {
    sha256(bytes)[..40].to_owned()
}

fn answer(mut stream: &TcpStream, base: &str, shared: &Mutex<Behaviour>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        match line.split_once(':') {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned())
            }
            None => break,
        };
    }
    let mut words = first.split(' ');
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let range = headers.get("range").cloned().unwrap_or_default();
    let (reply, cut) = {
        let mut behaviour = shared.lock().unwrap();
        behaviour
            .log
            .push(format!("{method} {path} {range}").trim().to_owned());
        let reply = reply(&behaviour, base, path, &headers, &range);
        let cut = behaviour
            .break_after
            .filter(|_| path.starts_with("/storage/"));
        (reply, cut)
    };
    let mut head = format!("HTTP/1.1 {} -\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(
        head,
        "Content-Length: {}\r\n\r\n",
        reply.body.len() as u64 + reply.more
    )
    .unwrap();
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        let end = cut.unwrap_or(usize::MAX).min(reply.body.len());
        stream.write_all(&reply.body[..end])?;
    }
    stream.flush()
}

#[derive(Default)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    more: u64,
}

fn refuse(status: u16, code: &str, message: &str) -> Reply {
    Reply {
        status,
        headers: vec![
            ("X-Error-Code", code.to_owned()),
            ("X-Error-Message", message.to_owned()),
        ],
        ..Reply::default()
    }
}

fn reply(
    behaviour: &Behaviour,
    base: &str,
    path: &str,
    headers: &BTreeMap<String, String>,
    range: &str,
) -> Reply {
    if let Some(status) = behaviour.status {
        return refuse(status, "", "out of order");
    }
    let token = headers
        .get("authorization")
        .map(|value| value.trim_start_matches("Bearer ").to_owned());
    let path = match path.strip_prefix("/mirror") {
        Some(path) => path,
        None if behaviour.mirrored && !path.starts_with("/storage/") => {
            return Reply {
                status: 308,
                headers: vec![("Location", format!("{base}/mirror{path}"))],
                ..Reply::default()
            };
        }
        None => path,
    };
    if let Some(sum) = path.strip_prefix("/storage/") {
        let (sum, given_at) = sum.split_once('@').unwrap_or((sum, "0"));
        let asked = behaviour.log.len() - given_at.parse::<usize>().unwrap();
        if behaviour
            .uses_of_an_address
            .is_some_and(|most| asked > most)
        {
            return refuse(403, "", "Request has expired");
        }
        if behaviour.page {
            return Reply {
                status: 200,
                headers: vec![("Content-Type", "text/html".to_owned())],
                body: b"<!doctype html>".to_vec(),
                ..Reply::default()
            };
        }
        if token.is_some() {
            return refuse(400, "", "the storage must not see tokens");
        }
        let content = behaviour.files.values().find(|bytes| sha256(bytes) == sum);
        return content.map_or(refuse(404, "", ""), |bytes| part(bytes, range, behaviour));
    }
    if token
        .as_deref()
        .is_some_and(|token| token != TOKEN && token != "hf_stranger")
    {
        return refuse(401, "", "Invalid credentials in Authorization header");
    }
    // A renamed repository.
    for (old, new) in [
        ("/api/models/old/name/", "/api/models/owner/model/"),
        ("/old/name/", "/owner/model/"),
    ] {
        if let Some(rest) = path.strip_prefix(old) {
            return Reply {
                status: 307,
                headers: vec![("Location", format!("{new}{rest}"))],
                ..Reply::default()
            };
        }
    }
    if let Some(revision) = path.strip_prefix("/api/models/owner/model/revision/") {
        if !["main", "v1", "refs%2Fpr%2F1", COMMIT].contains(&revision) {
            return refuse(404, "RevisionNotFound", "Invalid rev id");
        }
        // The file list of a gated repository is public; its files are not.
        let names: Vec<_> = behaviour
            .files
            .keys()
            .map(|name| serde_json::json!({ "rfilename": name }))
            .collect();
        let body = serde_json::json!({ "id": "owner/model", "sha": COMMIT, "siblings": names });
        return Reply {
            status: 200,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: body.to_string().into_bytes(),
            ..Reply::default()
        };
    }
    let prefixes = [
        format!("/owner/model/resolve/{COMMIT}/"),
        "/owner/model/resolve/main/".to_owned(),
    ];
    let Some(name) = prefixes
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix.as_str()))
    else {
        return match token {
            Some(_) => refuse(404, "RepoNotFound", "Repository not found"),
            None => refuse(401, "RepoNotFound", "Invalid username or password."),
        };
    };
    if behaviour.gated && token.as_deref() != Some(TOKEN) {
        let status = if token.is_some() { 403 } else { 401 };
        return refuse(
            status,
            "GatedRepo",
            "Access to model owner/model is restricted.",
        );
    }
    let Some(bytes) = behaviour.files.get(name) else {
        return refuse(404, "EntryNotFound", "Entry not found");
    };
    let commit = ("X-Repo-Commit", COMMIT.to_owned());
    if name.ends_with(".safetensors") || name.ends_with(".gguf") {
        let sum = sha256(bytes);
        return Reply {
            status: 302,
            headers: vec![
                commit,
                ("X-Linked-ETag", format!("\"{sum}\"")),
                ("X-Linked-Size", bytes.len().to_string()),
                // Counts as another host, to which tokens are not sent.
                (
                    "Location",
                    format!(
                        "{}/storage/{sum}@{}",
                        base.replace("127.0.0.1", "localhost"),
                        behaviour.log.len()
                    ),
                ),
            ],
            ..Reply::default()
        };
    }
    let mut reply = part(bytes, range, behaviour);
    reply.headers.push(commit);
    if behaviour.compressed {
        reply.headers.push(("Content-Encoding", "gzip".to_owned()));
    }
    reply
        .headers
        .push(("ETag", format!("\"{}\"", small_etag(bytes))));
    reply
}

fn part(bytes: &[u8], range: &str, behaviour: &Behaviour) -> Reply {
    let mut body = bytes.to_vec();
    if behaviour.corrupt {
        body.iter_mut().for_each(|byte| *byte ^= 1);
    }
    let start = range
        .strip_prefix("bytes=")
        .and_then(|range| range.trim_end_matches('-').parse().ok());
    let len = body.len();
    let Some(start) = start.filter(|start: &usize| *start < len) else {
        return Reply {
            status: if range.is_empty() { 200 } else { 416 },
            body,
            more: behaviour.announce_more,
            ..Reply::default()
        };
    };
    Reply {
        status: 206,
        headers: vec![("Content-Range", format!("bytes {start}-{}/{len}", len - 1))],
        body: body.split_off(start),
        more: behaviour.announce_more,
    }
}
