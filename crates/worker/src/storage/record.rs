use serde::{Deserialize, Serialize};
use vitrine_protocol::{ModelSource, StoredModel};

/// The record of a stored model: its files and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Loading this again reads or completes the model.
    pub source: ModelSource,
    /// Its files, in the order in which they are fetched.
    pub files: Vec<FileRecord>,
}

/// How much of a file is in storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its name, as its source calls it.
    pub name: String,
    /// Length of the whole file.
    pub bytes: u64,
    /// Identifies the file's version: its checksum, or the hub's substitute.
    pub tag: String,
    /// Bytes that are safely on disk, always at the end of a piece.
    pub done: u64,
    /// Whether all bytes came and their checksum, where there is one, is right.
    pub verified: bool,
}

impl Record {
    /// Whether all of the model is here.
    pub fn complete(&self) -> bool {
        !self.files.is_empty() && self.files.iter().all(|file| file.verified)
    }

    /// Bytes that are stored.
    pub fn done(&self) -> u64 {
        self.files.iter().map(|file| file.done).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// For the page.
    pub fn summary(&self, key: String) -> StoredModel {
        StoredModel {
            key,
            name: title(&self.source),
            done: self.done(),
            bytes: self.bytes(),
            complete: self.complete(),
            source: self.source.clone(),
        }
    }
}

/// A source's name for people.
pub fn title(source: &ModelSource) -> String {
    match source {
        ModelSource::Site { name, .. }
        | ModelSource::Local { name, .. }
        | ModelSource::Kept { name } => name.clone(),
        ModelSource::Hub { id, revision, file } => {
            let file = file.as_ref().map(|file| format!("/{file}"));
            let revision = (revision != "main").then(|| format!("@{revision}"));
            format!(
                "{id}{}{}",
                file.unwrap_or_default(),
                revision.unwrap_or_default()
            )
        }
    }
}

/// The name of a source in storage. Two sources never share one.
pub fn key(source: &ModelSource) -> String {
    match source {
        ModelSource::Site { name, .. } => format!("site {}", file_name(name)),
        ModelSource::Hub { id, revision, file } => {
            let file = file.as_ref().map(|file| format!(" {}", file_name(file)));
            format!(
                "hub {}@{}{}",
                file_name(id),
                file_name(revision),
                file.unwrap_or_default()
            )
        }
        ModelSource::Local { name, .. } | ModelSource::Kept { name } => {
            format!("kept {}", file_name(name))
        }
    }
}

/// Any name as one that a file system takes: what is not a letter, a digit or one of `._-` becomes
/// `%` and two hexadecimal digits, byte by byte; and so does a first dot.
pub fn file_name(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if index > 0 => safe.push('.'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => safe.push(char::from(byte)),
            _ => safe.push_str(&format!("%{byte:02X}")),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_file_names_and_tell_sources_apart() {
        let hub = |id: &str, revision: &str| {
            key(&ModelSource::Hub {
                id: id.to_owned(),
                revision: revision.to_owned(),
                file: None,
            })
        };
        assert_eq!(hub("a/b", "main"), "hub a%2Fb@main");
        assert_ne!(hub("a/b", "c@main"), hub("a/b@c", "main"));
        assert_ne!(hub("a/b", "refs/pr/1"), hub("a/b", "refs%2Fpr%2F1"));
        assert_eq!(file_name(".."), "%2E.");
        assert_eq!(file_name("模型.gguf"), "%E6%A8%A1%E5%9E%8B.gguf");
        let kept = ModelSource::Kept {
            name: "x".to_owned(),
        };
        let site = ModelSource::Site {
            name: "x".to_owned(),
            manifest_url: String::new(),
        };
        assert_ne!(key(&kept), key(&site));
    }

    #[test]
    fn a_model_is_complete_when_every_file_is() {
        let file = |done, verified| FileRecord {
            name: "model.safetensors".to_owned(),
            bytes: 10,
            tag: String::new(),
            done,
            verified,
        };
        let record = |files| Record {
            source: ModelSource::Kept {
                name: "x".to_owned(),
            },
            files,
        };
        assert!(!record(vec![]).complete());
        let begun = record(vec![file(10, true), file(4, false)]);
        assert!(!begun.complete());
        assert_eq!((begun.done(), begun.bytes()), (14, 20));
        assert!(record(vec![file(10, true), file(10, true)]).complete());
    }
}
