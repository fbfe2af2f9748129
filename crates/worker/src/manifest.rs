//! The site's manifests of its models, which `xtask` writes.

use serde::Deserialize;

use crate::error::WorkerError;
use crate::fetch::Request;
use crate::remote::{Piece, RemoteFile};

/// Path of the list of models, relative to the page.
const INDEX_URL: &str = "models/index.json";

/// `models/index.json`.
#[derive(Debug, Deserialize)]
struct Index {
    models: Vec<String>,
}

/// `models/<name>/manifest.json`: a model file in parts that any static host accepts.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    /// Length of the whole file.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal.
    pub sha256: String,
    /// The parts, in order.
    pub parts: Vec<Part>,
}

/// One part of the file.
#[derive(Debug, Deserialize)]
pub struct Part {
    /// Its path, relative to the manifest.
    pub path: String,
    /// Its length.
    pub bytes: u64,
}

/// The models that this site offers.
pub async fn fetch_index() -> Result<Vec<String>, WorkerError> {
    let index: Index = parse(INDEX_URL, &Request::whole(INDEX_URL).text().await?)?;
    Ok(index.models)
}

/// The address of the manifest of a model on this site.
pub fn url(name: &str) -> String {
    format!("models/{name}/manifest.json")
}

impl Manifest {
    /// Fetches and checks the manifest at `url`.
    pub async fn fetch(url: &str) -> Result<Self, WorkerError> {
        let manifest: Self = parse(url, &Request::whole(url).text().await?)?;
        let sum: u64 = manifest.parts.iter().map(|part| part.bytes).sum();
        if sum != manifest.bytes {
            let reason = format!("its parts have {sum} bytes, the file {}", manifest.bytes);
            return Err(WorkerError::Manifest {
                url: url.to_owned(),
                reason,
            });
        }
        Ok(manifest)
    }

    /// The one file that the parts make up; `url` is the manifest's own address.
    pub fn into_file(self, name: &str, url: &str) -> RemoteFile {
        let pieces = self.parts.iter().map(|part| Piece {
            url: beside(url, &part.path),
            range: None,
            bytes: part.bytes,
        });
        RemoteFile {
            name: format!("{name}.gguf"),
            bytes: self.bytes,
            tag: self.sha256.clone(),
            pieces: pieces.collect(),
            sha256: Some(self.sha256),
        }
    }
}

/// The address of `path`, which is relative to the file at `url`.
fn beside(url: &str, path: &str) -> String {
    match url.rfind('/') {
        Some(slash) => format!("{}{path}", &url[..=slash]),
        None => path.to_owned(),
    }
}

fn parse<'a, T: Deserialize<'a>>(url: &str, text: &'a str) -> Result<T, WorkerError> {
    serde_json::from_str(text).map_err(|error| WorkerError::Manifest {
        url: url.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_next_to_their_manifest() {
        assert_eq!(
            beside("models/a/manifest.json", "part-000"),
            "models/a/part-000"
        );
        assert_eq!(beside("manifest.json", "part-000"), "part-000");
    }
}
