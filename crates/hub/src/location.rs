//! Parses the argument of `--model`: a local path or a model on the hub.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

use crate::HubError;

/// Location of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// An existing file or folder.
    Path(PathBuf),
    /// A model on the hub.
    Hub(ModelId),
}

/// A model on the hub: `owner/name`, `owner/name@revision`, `owner/name:file.gguf`, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelId {
    /// `owner/name`; a few old models are just `name`.
    pub repo: String,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// One of several GGUF files: its name, or a part of the name that is unique (`Q4_K_M`).
    pub file: Option<String>,
}

/// A name with one of these endings is a file, not an id.
const FILE_ENDINGS: [&str; 4] = [".gguf", ".json", ".safetensors", ".bin"];

impl Location {
    /// Parses `text` as an existing path, else as an id.
    ///
    /// # Errors
    /// [`HubError::NoSuchPath`] if it looks like a path but does not exist, [`HubError::InvalidId`] if it is not an id
    /// either.
    pub fn parse(text: &OsStr) -> Result<Self, HubError> {
        let path = Path::new(text);
        if path.exists() {
            return Ok(Self::Path(path.to_owned()));
        }
        let Some(id) = text.to_str().filter(|text| !looks_like_a_path(text)) else {
            return Err(HubError::NoSuchPath(path.to_owned()));
        };
        ModelId::parse(id).map(Self::Hub)
    }
}

fn looks_like_a_path(text: &str) -> bool {
    let repo = &text[..text.find(['@', ':']).unwrap_or(text.len())];
    let is_drive = repo.len() == 1 && text[1..].starts_with(":/");
    repo.is_empty()
        || repo.starts_with(['.', '/', '~'])
        || repo.ends_with('/')
        || repo.matches('/').count() > 1
        || text.contains('\\')
        || is_drive
        || FILE_ENDINGS.iter().any(|ending| repo.ends_with(ending))
}

impl ModelId {
    /// Parses an id.
    ///
    /// # Errors
    /// [`HubError::InvalidId`] if it is malformed.
    pub fn parse(text: &str) -> Result<Self, HubError> {
        let invalid = || HubError::InvalidId(text.to_owned());
        let (head, file) = match text.split_once(':') {
            Some((head, file)) => (head, Some(file.to_owned())),
            None => (text, None),
        };
        let (repo, revision) = head.split_once('@').unwrap_or((head, "main"));
        let is_repo = repo.matches('/').count() <= 1 && repo.split('/').all(is_name);
        let is_file = file.as_deref().is_none_or(is_relative_path);
        if !is_repo || !is_relative_path(revision) || !is_file {
            return Err(invalid());
        }
        Ok(Self {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            file,
        })
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if self.revision != "main" {
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
pub(crate) fn is_relative_path(name: &str) -> bool {
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

    fn id(text: &str) -> (String, String, Option<String>) {
        match Location::parse(OsStr::new(text)).unwrap() {
            Location::Hub(id) => (id.repo, id.revision, id.file),
            Location::Path(path) => panic!("{text} was parsed as the path {}", path.display()),
        }
    }

    fn s(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn ids_with_revision_and_file() {
        assert_eq!(
            id("microsoft/Phi-3-mini-4k-instruct"),
            (s("microsoft/Phi-3-mini-4k-instruct"), s("main"), None)
        );
        assert_eq!(id("gpt2"), (s("gpt2"), s("main"), None));
        assert_eq!(id("a/b@refs/pr/1"), (s("a/b"), s("refs/pr/1"), None));
        assert_eq!(id("a/b:c.gguf"), (s("a/b"), s("main"), Some(s("c.gguf"))));
        assert_eq!(
            id("a/b@v1.0:x/c.gguf"),
            (s("a/b"), s("v1.0"), Some(s("x/c.gguf")))
        );
        assert_eq!(
            ModelId::parse("a/b@v1:c.gguf").unwrap().to_string(),
            "a/b@v1:c.gguf"
        );
        assert_eq!(ModelId::parse("a/b@main").unwrap().to_string(), "a/b");
    }

    #[test]
    fn what_looks_like_a_path_is_never_looked_up() {
        for text in [
            "./model",
            "/models/a",
            "../a/b",
            "~/models",
            "a/b/c",
            "model.gguf",
            "a/model.gguf",
            "a\\b",
            "C:/models",
            "C:\\models",
            "folder/",
            "",
            "tokenizer.json",
        ] {
            let error = Location::parse(OsStr::new(text)).unwrap_err();
            assert!(matches!(error, HubError::NoSuchPath(_)), "{text}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_an_id_is_refused() {
        for text in [
            "a b/c",
            "a/-b",
            "a/b.",
            "a/b--c",
            "a/b@",
            "a/b:",
            "a/b@../x",
            "a/b:../../x",
            "a/b:/x",
            "ä/b",
            "a/b@x\ny",
        ] {
            let error = Location::parse(OsStr::new(text)).unwrap_err();
            assert!(matches!(error, HubError::InvalidId(_)), "{text}: {error}");
        }
    }

    #[test]
    fn what_exists_is_a_path() {
        let here = env!("CARGO_MANIFEST_DIR");
        assert_eq!(
            Location::parse(OsStr::new(here)).unwrap(),
            Location::Path(here.into())
        );
    }
}
