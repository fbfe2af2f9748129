//! Parses the argument of `--model`: a local path or a model on the hub.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use vitrine_protocol::HubId;

use crate::HubError;

/// Location of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// An existing file or folder.
    Path(PathBuf),
    /// A model on the hub.
    Hub(HubId),
}

/// A name with one of these endings is a file, not an id.
const FILE_ENDINGS: [&str; 4] = [".gguf", ".json", ".safetensors", ".bin"];

/// The beginnings of addresses of the hub, which are no paths.
const ADDRESSES: [&str; 6] = [
    "https://",
    "http://",
    "hf://",
    "hf.co/",
    "huggingface.co/",
    "www.huggingface.co/",
];

impl Location {
    /// Parses `text` as an existing path, else as an id or an address of the hub.
    ///
    /// # Errors
    /// [`HubError::NoSuchPath`] if it looks like a path but does not exist, [`HubError::InvalidId`] if it is not an id
    /// either.
    pub fn parse(text: &OsStr) -> Result<Self, HubError> {
        let path = Path::new(text);
        if path.exists() {
            return Ok(Self::Path(path.to_owned()));
        }
        let no_such_path = |meant: Option<HubId>| HubError::NoSuchPath {
            path: path.to_owned(),
            advice: match meant {
                Some(id) => format!("check the path, or write {id} for that file on the hub"),
                None => "check the path".to_owned(),
            },
        };
        let Some(text) = text.to_str() else {
            return Err(no_such_path(None));
        };
        let id = HubId::parse(text);
        if looks_like_a_path(text) && !ADDRESSES.iter().any(|start| text.starts_with(start)) {
            return Err(no_such_path(id.filter(|id| id.file.is_some())));
        }
        id.map(Self::Hub)
            .ok_or_else(|| HubError::InvalidId(text.to_owned()))
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
        assert_eq!(id("hf.co/a/b"), (s("a/b"), s("main"), None));
        assert_eq!(
            id("https://huggingface.co/a/b/blob/v1/c.gguf"),
            (s("a/b"), s("v1"), Some(s("c.gguf")))
        );
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
            assert!(
                matches!(error, HubError::NoSuchPath { .. }),
                "{text}: {error}"
            );
        }
        // A file behind the name is answered with the right spelling.
        let error = Location::parse(OsStr::new("a/b/c.gguf")).unwrap_err();
        assert!(error.to_string().contains("write a/b:c.gguf"), "{error}");
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
            "https://huggingface.co/a",
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
