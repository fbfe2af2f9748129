//! The model hub: the files of a repository, and its errors.

use js_sys::encode_uri_component;
use serde::Deserialize;
use vitrine_protocol::HubAccess;

use crate::error::WorkerError;
use crate::fetch::{FetchError, Request};
use crate::remote::{self, RemoteFile};
use crate::scope;

/// A repository at one of its revisions.
pub struct Repository<'a> {
    /// How to reach the hub.
    pub hub: &'a HubAccess,
    /// Its id, `microsoft/Phi-3-mini-4k-instruct`.
    pub id: &'a str,
    /// A branch, a tag or a commit.
    pub revision: &'a str,
}

/// `api/models/<id>/revision/<revision>?blobs=true`.
#[derive(Deserialize)]
struct Listing {
    /// The commit that the revision stands for.
    sha: Option<String>,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

impl Repository<'_> {
    /// All files of the repository. Their lengths and checksums are the hub's own.
    ///
    /// # Errors
    /// When there is no such repository or revision, it needs a token, or the hub does not answer.
    pub async fn files(&self) -> Result<Vec<RemoteFile>, WorkerError> {
        let Self { hub, id, revision } = self;
        let url = format!(
            "{}/api/models/{id}/revision/{}?blobs=true",
            hub.endpoint,
            encoded(revision)
        );
        let request = Request {
            token: hub.token.as_deref(),
            ..Request::whole(&url)
        };
        let text = request.text().await.map_err(|error| self.refusal(error))?;
        let listing: Listing =
            serde_json::from_str(&text).map_err(|error| WorkerError::HubAnswer {
                id: (*id).to_owned(),
                reason: error.to_string(),
            })?;
        let commit = listing.sha.as_deref().unwrap_or(revision);
        let files = listing.siblings.into_iter().map(|file| {
            let url = format!(
                "{}/{id}/resolve/{}/{}",
                hub.endpoint,
                encoded(commit),
                file.rfilename
                    .split('/')
                    .map(encoded)
                    .collect::<Vec<_>>()
                    .join("/")
            );
            let lfs = file.lfs.as_ref();
            let bytes = lfs.and_then(|lfs| lfs.size).or(file.size).unwrap_or(0);
            let sha256 = file.lfs.and_then(|lfs| lfs.sha256);
            let tag = sha256.clone().or(file.blob_id);
            RemoteFile {
                pieces: remote::ranges(&url, bytes),
                tag: tag.unwrap_or_else(|| commit.to_owned()),
                name: file.rfilename,
                bytes,
                sha256,
            }
        });
        Ok(files.collect())
    }

    /// Converts the hub's error to one for the user.
    pub fn refusal(&self, error: FetchError) -> WorkerError {
        let id = self.id.to_owned();
        let has_token = self.hub.token.is_some();
        let (status, code) = match &error {
            FetchError::Unreachable { .. } if !scope::worker().navigator().on_line() => {
                return WorkerError::Offline { id };
            }
            FetchError::Unreachable { .. } => return error.into(),
            FetchError::Status { status, code, .. } => (*status, code.as_deref()),
        };
        match (status, code) {
            (_, Some("GatedRepo")) if has_token => WorkerError::GatedForToken { id },
            (_, Some("GatedRepo")) => WorkerError::Gated { id },
            (_, Some("RevisionNotFound")) => WorkerError::NoRevision {
                id,
                revision: self.revision.to_owned(),
            },
            (401 | 404, Some("RepoNotFound")) | (404, _) => WorkerError::NoRepository { id },
            // Without a token the hub does not distinguish a private repository from a missing one.
            (401, _) if has_token => WorkerError::WrongToken,
            (401, _) => WorkerError::NoRepository { id },
            (403, _) if has_token => WorkerError::GatedForToken { id },
            (403, _) => WorkerError::Gated { id },
            (429, _) => WorkerError::TooManyRequests,
            _ => error.into(),
        }
    }
}

fn encoded(text: &str) -> String {
    String::from(encode_uri_component(text))
}
