//! `cargo xtask record`: the recordings that the page brings along, made anew by the engine.

use anyhow::Result;
use fs_err as fs;
use serde_json::json;

use crate::{files, model, say, shell, workspace::Workspace};

/// The names of their files, and their prompts.
const RECORDINGS: [(&str, &str); 3] = [
    ("capital", "The capital of Japan is"),
    ("story", "Once upon a time"),
    ("copy", "one two three one two three one two"),
];

/// Few: each is some 60 kB of numbers.
const NEW_TOKENS: &str = "6";

/// Records the default model on the adapter at hand, into `web/static/recordings`.
pub fn record(workspace: &Workspace) -> Result<()> {
    let model = model::fetch()?;
    let folder = workspace.root.join("web/static/recordings");
    files::remove(&folder)?;
    fs::create_dir_all(&folder)?;
    for (name, prompt) in RECORDINGS {
        let start = say::begin(format!("Recording “{prompt}”"));
        let path = folder.join(format!("{name}.jsonl"));
        let mut command = shell::cargo(workspace);
        command
            .args(["run", "--release", "--quiet", "--package", "vitrine", "--"])
            .arg("trace")
            .arg("--model")
            .arg(&model)
            .args(["--max-new-tokens", NEW_TOKENS])
            .arg("--packets")
            .arg(&path)
            .arg(prompt);
        shell::run(&mut command, "the recording")?;
        say::done(start, say::bytes(fs::metadata(&path)?.len()));
    }
    let entries = RECORDINGS.map(|(name, prompt)| json!({ "name": name, "prompt": prompt }));
    let index = serde_json::to_string_pretty(&entries)?;
    files::write(&folder.join("index.json"), format!("{index}\n"))
}
