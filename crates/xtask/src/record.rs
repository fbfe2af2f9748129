//! `cargo xtask record`: the recordings that the page brings along, made anew by the engine.

use anyhow::Result;
use fs_err as fs;
use serde::Serialize;

use crate::{files, model, say, shell, workspace::Workspace};

/// Their files' names and their prompts.
const RECORDINGS: [Entry; 3] = [
    Entry {
        name: "capital",
        prompt: "The capital of Japan is",
    },
    Entry {
        name: "story",
        prompt: "Once upon a time",
    },
    Entry {
        name: "copy",
        prompt: "one two three one two three one two",
    },
];

/// Few: each is some 60 kB of numbers.
const NEW_TOKENS: &str = "6";

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    prompt: &'static str,
}

/// Records the default model on the adapter at hand, into `web/static/recordings`.
pub fn record(workspace: &Workspace) -> Result<()> {
    let model = model::fetch()?;
    let folder = workspace.root.join("web/static/recordings");
    files::remove(&folder)?;
    fs::create_dir_all(&folder)?;
    for entry in &RECORDINGS {
        let start = say::begin(format!("Recording “{}”", entry.prompt));
        let path = folder.join(format!("{}.jsonl", entry.name));
        let mut command = shell::cargo(workspace);
        command
            .args(["run", "--release", "--quiet", "--package", "vitrine", "--"])
            .arg("trace")
            .arg("--model")
            .arg(&model)
            .args(["--max-new-tokens", NEW_TOKENS])
            .arg("--packets")
            .arg(&path)
            .arg(entry.prompt);
        shell::run(&mut command, "the recording")?;
        say::done(start, say::bytes(fs::metadata(&path)?.len()));
    }
    let index = serde_json::to_string_pretty(&RECORDINGS)?;
    files::write(&folder.join("index.json"), format!("{index}\n"))
}
