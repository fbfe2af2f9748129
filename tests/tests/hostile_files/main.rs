//! Malicious files: each is refused quickly with one clear sentence.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod folder;
mod gguf;
mod weights;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use vitrine_checkpoint::{Checkpoint, ModelFiles};

/// Far more than any refusal takes, on a slow machine.
const QUICK: Duration = Duration::from_secs(5);

/// Files by name, to be changed.
type Files = BTreeMap<String, Vec<u8>>;

/// A good model in Hugging Face format: 3 shards with an index.
fn good_folder() -> Files {
    fixture("llama")
}

fn fixture(name: &str) -> Files {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/architectures");
    let folder = Path::new(folder).join(name);
    let mut files = Files::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name == "config.json" || name.starts_with("model") {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

fn good_gguf() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/gguf/llama/model.gguf"
    );
    fs::read(path).unwrap()
}

fn model_files(files: &Files) -> ModelFiles<Vec<u8>> {
    let mut model = ModelFiles::new("hostile");
    for (name, bytes) in files {
        model.add(name, bytes.clone());
    }
    model
}

/// Reads everything but the weights; gives the error as people see it.
fn open(files: &Files) -> Result<(), String> {
    let files = model_files(files);
    let started = Instant::now();
    let result = pollster::block_on(Checkpoint::open(&files));
    assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
    result.map(drop).map_err(|error| error.to_string())
}

/// A sentence: one line, not endless, ending with a full stop.
fn check_sentence(text: &str) {
    assert!(text.ends_with('.'), "{text}");
    assert!(!text.contains('\n'), "{text}");
    assert!(text.chars().count() < 400, "{text}");
}

fn assert_refused(files: &Files, words: &str) {
    let text = open(files).expect_err(words);
    check_sentence(&text);
    assert!(text.contains(words), "{text:?} does not say {words:?}");
}

#[test]
fn the_models_are_good_before_they_are_spoilt() {
    open(&good_folder()).unwrap();
    open(&Files::from([("model.gguf".to_owned(), good_gguf())])).unwrap();
}
