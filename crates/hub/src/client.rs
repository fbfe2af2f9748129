//! The hub's answers to the three questions that fetching a model asks: which files there are, what
//! one of them is, and its bytes.

use serde::Deserialize;
use ureq::{
    Agent, Body,
    http::{HeaderMap, Response, Uri, header},
};

use crate::{HubError, HubSettings, ModelId, agent::agent, location::is_relative_path, refusal};

/// More redirects within one server are a circle.
const MAX_REDIRECTS: u32 = 5;
/// The list of a repository with a hundred thousand files is shorter.
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
    /// The commit, as a folder may be called.
    pub commit: String,
    /// The names of its files.
    pub files: Vec<String>,
}

/// What the hub says of a file.
pub(crate) struct RemoteFile {
    /// Names the content: the SHA-256 of large files, git's SHA-1 of small ones.
    pub etag: String,
    /// Its length in bytes.
    pub size: Option<u64>,
    /// Where its bytes are.
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
    pub(crate) fn revision(&self, id: &ModelId) -> Result<Revision, HubError> {
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
            return Err(self.nonsense(format!("it calls the commit {:?}", answer.sha)));
        }
        let names = answer.siblings.into_iter().map(|file| file.rfilename);
        Ok(Revision {
            commit: answer.sha,
            // A name that would leave the folder cannot be part of a model.
            files: names.filter(|name| is_relative_path(name)).collect(),
        })
    }

    /// What a file of a commit is, and where.
    pub(crate) fn file(
        &self,
        id: &ModelId,
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

    /// The bytes of a file from `start` on.
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

    /// Asks, and follows redirects within the same server, where the hub sends those who use an old
    /// name. Gives the answer and its address.
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
            let location = text(response.headers(), header::LOCATION.as_str());
            match location {
                Some(path)
                    if response.status().is_redirection()
                        && path.starts_with('/')
                        && !path.starts_with("//") =>
                {
                    url = format!("{}{path}", self.origin);
                }
                _ => return Ok((response, url)),
            }
        }
        Err(self.nonsense("it redirects in circles".to_owned()))
    }

    /// The token, for the hub itself and nobody else.
    fn token_for(&self, url: &str) -> Option<&str> {
        let rest = url.strip_prefix(&self.origin)?;
        let is_hub = rest.is_empty() || rest.starts_with('/');
        self.token.as_deref().filter(|_| is_hub)
    }

    fn check(
        &self,
        response: &Response<Body>,
        id: &ModelId,
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

/// Why a request failed, in words for people.
pub(crate) fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "the host is not known".to_owned(),
        ureq::Error::Timeout(_) => "it does not answer".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Percent-encodes what may not stand in the path of an address (RFC 3986, 2.3).
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
