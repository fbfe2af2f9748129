//! A cache of statistics: a kernel with unchanged SPIR-V is not compiled again.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::measured::Measured;

/// To be raised where [`Measured`] gets another meaning.
const REVISION: u32 = 2;

/// Results of one driver and one chip, in a file below `target`.
pub struct Known {
    file: PathBuf,
    results: HashMap<String, Measured>,
    is_changed: bool,
}

impl Known {
    /// The content of the file, if there is one.
    pub fn open(folder: &Path, device: &str, driver: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (REVISION, device, driver).hash(&mut hasher);
        let name = format!("{:016x}.json", hasher.finish());
        let file = folder.join(name);
        let text = fs::read(&file).ok();
        let results = text.and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            file,
            results: results.unwrap_or_default(),
            is_changed: false,
        }
    }

    /// The name under which the result of a kernel is kept, which says how its inner loop is known.
    pub fn key(words: &[u32], fused: Option<u32>) -> String {
        let mut hasher = DefaultHasher::new();
        words.hash(&mut hasher);
        let first = hasher.finish();
        // The other 64 bits of the hash.
        (words.len(), first, words).hash(&mut hasher);
        let loop_of = fused.map_or(String::new(), |fused| format!("-{fused}"));
        format!("{first:016x}{:016x}{loop_of}", hasher.finish())
    }

    /// The result of a kernel.
    pub fn get(&self, key: &str) -> Option<&Measured> {
        self.results.get(key)
    }

    /// Keeps a result.
    pub fn put(&mut self, key: String, measured: Measured) {
        self.results.insert(key, measured);
        self.is_changed = true;
    }

    /// Writes the file; where that fails, the next run takes longer.
    pub fn close(self) {
        if !self.is_changed {
            return;
        }
        let file = self.file;
        let _ = file.parent().map(fs::create_dir_all);
        // Whole or not at all, for another run may read it.
        let part = file.with_extension(format!("{}.part", std::process::id()));
        if let Ok(text) = serde_json::to_vec(&self.results)
            && fs::write(&part, text).is_ok()
        {
            let _ = fs::rename(part, file);
        }
    }
}
