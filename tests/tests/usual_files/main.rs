//! Files as people have them: what other programs open is opened and read the same, and what cannot be is named truly.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod folder;
mod gguf;
mod gguf_editor;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use vitrine_checkpoint::{Checkpoint, Config, ModelFiles};

/// Files by name, to be changed.
type Files = BTreeMap<String, Vec<u8>>;

/// The files of a model that a script makes, in `tests/fixtures`.
fn fixture(name: &str) -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
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

/// The configuration, and the names of the tensors with their bytes.
type Opened = (Config, BTreeMap<String, Vec<u8>>);

fn open(files: &Files) -> Result<Opened, String> {
    let mut model = ModelFiles::new("usual");
    for (name, bytes) in files {
        model.add(name, bytes.clone());
    }
    let checkpoint = pollster::block_on(Checkpoint::open(&model));
    let checkpoint = checkpoint.map_err(|error| error.to_string())?;
    let bytes = |info: &vitrine_checkpoint::TensorInfo| {
        let source: &Vec<u8> = checkpoint.source(info);
        let start = info.offset as usize;
        (
            info.name.clone(),
            source[start..start + info.bytes as usize].to_vec(),
        )
    };
    Ok((
        checkpoint.config.clone(),
        checkpoint.tensors().map(bytes).collect(),
    ))
}

/// Each of `words` is in the error's sentence, which does not tell to download the files again.
fn assert_refused(files: &Files, words: &[&str]) {
    let text = open(files).map(drop).expect_err(words[0]);
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert!(
        !text.contains("ownload it again") && text.ends_with('.'),
        "{text}"
    );
}
