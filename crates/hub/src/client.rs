//! The three requests to the hub that fetching a model takes: list of files, metadata of a file, its bytes.

use serde::Deserialize;
use ureq::{
    Agent, Body,
    http::{HeaderMap, Response, Uri, header},
};

use vitrine_protocol::is_relative_path;

use crate::{HubError, HubId, HubSettings, agent::agent, refusal};

/// Redirects to follow before they are taken for a loop.
const MAX_REDIRECTS: u32 = 5;
/// Maximum size of a file list in bytes; that of a repository with 100,000 files is smaller.
const MAX_LIST: u64 = 64 << 20;

/// A connection to a hub.
pub(crate) struct Client {
    agent: Agent,
    endpoint: String,
    /// `https://host`, for redirects that name only a path.
    origin: String,
    token: Option<String>,
}

/// A revision of a repository.
pub(crate) struct Revision {
    /// The commit; valid as the name of a folder.
    pub commit: String,
    /// The names of its files.
    pub files: Vec<String>,
}

/// Metadata of a file on the hub.
pub(crate) struct RemoteFile {
    /// Identifies the content: SHA-256 for large files, git's SHA-1 for small ones.
    pub etag: String,
    /// Length in bytes, if the hub gives it.
    pub size: Option<u64>,
    /// Address to download it from.
    pub url: String,
}

impl Client {
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let endpoint = settings.endpoint.clone();
        let uri: Option<Uri> = endpoint.parse().ok();
        let origin = uri.as_ref().and_then(|uri| {
            let (scheme, authority) = (uri.scheme()?, uri.authority()?);
            Some(format!("{scheme}://{authority}"))
        });
        let Some(origin) = origin else {
            return Err(HubError::BadEndpoint(endpoint));
        };
        Ok(Self {
            agent: agent(endpoint.starts_with("https://")),
            endpoint,
            origin,
            token: settings.token.clone(),
        })
    }

    /// The commit and the files of a revision.
    pub(crate) fn revision(&self, id: &HubId) -> Result<Revision, HubError> {
        #[derive(Deserialize)]
        struct Answer {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }

        let revision = encode(&id.revision, false);
        let url = format!(
            "{}/api/models/{}/revision/{revision}",
            self.endpoint, id.repo
        );
        let (mut response, _) = self.follow("GET", url)?;
        self.check(&response, id, None)?;
        let body = response.body_mut().with_config().limit(MAX_LIST);
        let text = body
            .read_to_vec()
            .map_err(|error| self.no_connection(error))?;
        let answer: Answer =
            serde_json::from_slice(&text).map_err(|error| self.nonsense(error.to_string()))?;
        if !is_relative_path(&answer.sha) || answer.sha.contains('/') {
            return Err(self.nonsense(format!("{:?} is not a commit", answer.sha)));
        }
        let names = answer.siblings.into_iter().map(|file| file.rfilename);
        Ok(Revision {
            commit: answer.sha,
            // Drops names that would escape the model's folder.
            files: names.filter(|name| is_relative_path(name)).collect(),
        })
    }

    /// Metadata of a file of a commit.
    pub(crate) fn file(
        &self,
        id: &HubId,
        commit: &str,
        name: &str,
    ) -> Result<RemoteFile, HubError> {
        let url = format!(
            "{}/{}/resolve/{commit}/{}",
            self.endpoint,
            id.repo,
            encode(name, true)
        );
        let (response, url) = self.follow("HEAD", url)?;
        self.check(&response, id, Some(name))?;
        let headers = response.headers();
        let location = text(headers, header::LOCATION.as_str());
        let etag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag"));
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
        let Some(etag) = etag.filter(|etag| is_relative_path(etag) && !etag.contains('/')) else {
            return Err(self.nonsense(format!("{name} has no usable ETag")));
        };
        let length = match location {
            Some(_) => None,
            None => text(headers, header::CONTENT_LENGTH.as_str()),
        };
        let size = text(headers, "x-linked-size").or(length);
        Ok(RemoteFile {
            etag: etag.to_owned(),
            size: size.and_then(|size| size.parse().ok()),
            url: location.map_or(url, str::to_owned),
        })
    }

    /// Requests the bytes of a file from offset `start`.
    pub(crate) fn bytes(&self, url: &str, start: u64) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(url);
        if start > 0 {
            request = request.header(header::RANGE, format!("bytes={start}-"));
        }
        if let Some(token) = self.token_for(url) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let redirects = request.config().max_redirects(MAX_REDIRECTS).build();
        redirects.call()
    }

    /// Sends a request and follows redirects within the same server: the hub redirects from old names of a repository.
    /// Returns the response and its address.
    fn follow(&self, method: &str, mut url: String) -> Result<(Response<Body>, String), HubError> {
        for _ in 0..MAX_REDIRECTS {
            let mut request = match method {
                "HEAD" => self.agent.head(&url),
                _ => self.agent.get(&url),
            };
            if let Some(token) = self.token_for(&url) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call().map_err(|error| self.no_connection(error))?;
            let headers = response.headers();
            let location = text(headers, header::LOCATION.as_str());
            // The answer about a file of weights names the address of its bytes, and is not followed.
            let is_answer =
                headers.contains_key("x-linked-etag") || headers.contains_key("x-repo-commit");
            let within = location.and_then(|location| match location.strip_prefix(&self.origin) {
                Some(rest) if rest.starts_with('/') => Some(location.to_owned()),
                _ if location.starts_with("//") => None,
                _ => location
                    .starts_with('/')
                    .then(|| format!("{}{location}", self.origin)),
            });
            match (location, within) {
                (Some(_), Some(next)) if response.status().is_redirection() && !is_answer => {
                    url = next;
                }
                (Some(location), None)
                    if response.status().is_redirection() && method != "HEAD" =>
                {
                    let reason = format!(
                        "status {}, a redirect to {location}, which is another server",
                        response.status().as_u16()
                    );
                    return Err(self.nonsense(reason));
                }
                _ => return Ok((response, url)),
            }
        }
        Err(self.nonsense("redirect loop".to_owned()))
    }

    /// The token, if `url` is on the hub itself; other hosts must not see it.
    fn token_for(&self, url: &str) -> Option<&str> {
        let rest = url.strip_prefix(&self.origin)?;
        let is_hub = rest.is_empty() || rest.starts_with('/');
        self.token.as_deref().filter(|_| is_hub)
    }

    fn check(
        &self,
        response: &Response<Body>,
        id: &HubId,
        file: Option<&str>,
    ) -> Result<(), HubError> {
        let headers = response.headers();
        let refusal = refusal::Refusal {
            endpoint: &self.endpoint,
            id,
            file,
            has_token: self.token.is_some(),
            status: response.status().as_u16(),
            code: text(headers, "x-error-code"),
            message: text(headers, "x-error-message"),
        };
        refusal.error().map_or(Ok(()), Err)
    }

    fn no_connection(&self, error: ureq::Error) -> HubError {
        HubError::NoConnection {
            endpoint: self.endpoint.clone(),
            reason: reason(&error),
        }
    }

    fn nonsense(&self, reason: String) -> HubError {
        HubError::Nonsense {
            endpoint: self.endpoint.clone(),
            reason,
        }
    }
}

/// The reason why a request failed, for messages.
pub(crate) fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "unknown host".to_owned(),
        ureq::Error::Timeout(_) => "no response".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Percent-encodes characters that the path of an address must not contain (RFC 3986, 2.3).
fn encode(text: &str, keep_slashes: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_kept = byte.is_ascii_alphanumeric()
            || b"-._~".contains(&byte)
            || (keep_slashes && byte == b'/');
        if is_kept {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_addresses() {
        assert_eq!(encode("refs/pr/1", false), "refs%2Fpr%2F1");
        assert_eq!(encode("a b/ü#?.gguf", true), "a%20b/%C3%BC%23%3F.gguf");
    }

    #[test]
    fn the_token_goes_to_the_hub_only() {
        let client = Client::new(&HubSettings {
            endpoint: "https://hub.example/mirror".to_owned(),
            cache: "/nowhere".into(),
            token: Some("hf_secret".to_owned()),
            offline: false,
            retries: 0,
        })
        .unwrap();
        let token = |url| client.token_for(url);
        assert_eq!(token("https://hub.example/mirror/a"), Some("hf_secret"));
        assert_eq!(token("https://hub.example.evil/a"), None);
        assert_eq!(token("https://hub.example:8443/a"), None);
        assert_eq!(token("https://hub.example@evil/a"), None);
        assert_eq!(token("http://hub.example/a"), None);
        assert_eq!(token("https://cdn.example/a"), None);
    }
}
