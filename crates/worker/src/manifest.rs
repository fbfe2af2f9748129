//! What the site says about its models; `xtask` writes these files.

use serde::Deserialize;
use vitrine_protocol::ModelSource;

use crate::error::WorkerError;
use crate::fetch;

/// Where the list of models lies, relative to the page.
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
    /// Where it lies, relative to the manifest.
    pub path: String,
    /// Its length.
    pub bytes: u64,
}

/// The models that this site offers.
pub async fn fetch_index() -> Result<Vec<ModelSource>, WorkerError> {
    let index: Index = parse(INDEX_URL, &fetch::text(INDEX_URL).await?)?;
    Ok(index.models.into_iter().map(source).collect())
}

/// Where a model of that name lies on this site.
pub fn source(name: String) -> ModelSource {
    let manifest_url = format!("models/{name}/manifest.json");
    ModelSource { name, manifest_url }
}

impl Manifest {
    /// Fetches and checks the manifest at `url`.
    pub async fn fetch(url: &str) -> Result<Self, WorkerError> {
        let manifest: Self = parse(url, &fetch::text(url).await?)?;
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
}

/// The address of `path`, which is relative to the file at `url`.
pub fn beside(url: &str, path: &str) -> String {
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
    fn parts_lie_beside_their_manifest() {
        assert_eq!(
            beside("models/a/manifest.json", "part-000"),
            "models/a/part-000"
        );
        assert_eq!(beside("manifest.json", "part-000"), "part-000");
    }
}
