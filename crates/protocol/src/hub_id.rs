use std::fmt;

use serde::{Deserialize, Serialize};

/// A model on the hub, written `owner/name`, `owner/name@revision`, `owner/name:file.gguf` or
/// `owner/name@revision:file.gguf`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubId {
    /// `owner/name`; a few old models are just `name`.
    pub repo: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// One of several GGUF files: its name, or a part of the name that is unique (`Q4_K_M`).
    pub file: Option<String>,
}

/// Hosts that people write before an id without `https://`.
const HOSTS: [&str; 3] = ["huggingface.co/", "www.huggingface.co/", "hf.co/"];

impl HubId {
    /// The revision if none is named.
    pub const MAIN: &'static str = "main";

    /// Parses an id. Also understands the address of a model's page or of one of its files, with or without
    /// `https://`, and the file behind the name (`owner/name/file.gguf`). `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme {
                "hf" => Self::parse(rest),
                _ => Self::of_address(rest.split_once('/')?.1),
            };
        }
        if let Some(path) = HOSTS.iter().find_map(|host| text.strip_prefix(host)) {
            return Self::of_address(path);
        }
        let (head, file) = match text.split_once(':') {
            Some((head, file)) => (head, Some(file)),
            None => (text, None),
        };
        let (path, revision) = head.split_once('@').unwrap_or((head, Self::MAIN));
        let parts: Vec<&str> = path.splitn(3, '/').collect();
        match (parts.as_slice(), file) {
            ([name], file) => Self::new(name, revision, file),
            ([owner, name], file) => Self::new(&format!("{owner}/{name}"), revision, file),
            ([owner, name, file], None) => {
                Self::new(&format!("{owner}/{name}"), revision, Some(file))
            }
            _ => None,
        }
    }

    /// Of the path of an address: of a page of the model, or of a file.
    fn of_address(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next()?.trim_end_matches('/');
        let parts: Vec<&str> = path.splitn(5, '/').collect();
        let (repo, revision, file) = match parts.as_slice() {
            [owner, name] => ([owner, name], Self::MAIN, None),
            [owner, name, "tree", revision] => ([owner, name], *revision, None),
            [owner, name, "blob" | "resolve", revision, file] => {
                ([owner, name], *revision, Some(*file))
            }
            _ => return None,
        };
        Self::new(&format!("{}/{}", repo[0], repo[1]), revision, file)
    }

    fn new(repo: &str, revision: &str, file: Option<&str>) -> Option<Self> {
        let is_good = repo.split('/').all(is_name)
            && is_relative_path(revision)
            && !revision.contains(char::is_whitespace)
            && file.is_none_or(is_relative_path);
        is_good.then(|| Self {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            file: file.map(str::to_owned),
        })
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if self.revision != Self::MAIN {
            write!(f, "@{}", self.revision)?;
        }
        match &self.file {
            Some(file) => write!(f, ":{file}"),
            None => Ok(()),
        }
    }
}

/// Whether the hub allows the name for an owner or a model.
fn is_name(name: &str) -> bool {
    let is_end = |byte: u8| byte == b'-' || byte == b'.';
    let bytes = name.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= 96
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
        && !is_end(bytes[0])
        && !is_end(bytes[bytes.len() - 1])
        && !name.contains("--")
        && !name.contains("..")
}

/// Whether an untrusted name stays inside the folder that it is joined to.
#[must_use]
pub fn is_relative_path(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 1024
        && !name.contains(['\\', ':', '\0'])
        && name
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
        && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_one_id() {
        let id = |repo: &str, revision: &str, file: Option<&str>| HubId {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            file: file.map(str::to_owned),
        };
        for (text, wanted) in [
            ("gpt2", id("gpt2", "main", None)),
            (" openai/gpt-2.5_x ", id("openai/gpt-2.5_x", "main", None)),
            ("a/b@refs/pr/1", id("a/b", "refs/pr/1", None)),
            ("a/b:c.gguf", id("a/b", "main", Some("c.gguf"))),
            ("a/b@v1.0:x/c.gguf", id("a/b", "v1.0", Some("x/c.gguf"))),
            ("a/b:Q4_K_M", id("a/b", "main", Some("Q4_K_M"))),
            ("a/b/c-Q4_K.gguf@v1", id("a/b", "v1", Some("c-Q4_K.gguf"))),
            ("a/b/c.gguf", id("a/b", "main", Some("c.gguf"))),
            ("hf.co/a/b", id("a/b", "main", None)),
            ("huggingface.co/a/b/tree/v1", id("a/b", "v1", None)),
            ("hf://a/b@v1", id("a/b", "v1", None)),
            ("https://huggingface.co/a/b", id("a/b", "main", None)),
            ("https://huggingface.co/a/b/", id("a/b", "main", None)),
            (
                "https://hf.co/a/b/blob/main/x/c.gguf",
                id("a/b", "main", Some("x/c.gguf")),
            ),
            (
                "https://huggingface.co/a/b/resolve/main/c.gguf?download=true",
                id("a/b", "main", Some("c.gguf")),
            ),
        ] {
            let parsed = HubId::parse(text);
            assert_eq!(parsed.as_ref(), Some(&wanted), "{text}");
            // The one way to write it is read again as the same.
            assert_eq!(HubId::parse(&wanted.to_string()), parsed, "{text}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "a/",
            "/b",
            "a b/c",
            "a/b@",
            "a/b:",
            "a/../b",
            "a/b:../c",
            "a/b@../c",
            "a--b/c",
            "-a/b",
            "a/b/c.gguf:d.gguf",
            "https://huggingface.co/a",
            "https://huggingface.co/a/b/discussions/1",
            &"x".repeat(97),
        ] {
            assert_eq!(HubId::parse(text), None, "{text}");
        }
    }
}
