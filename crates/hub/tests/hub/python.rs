//! Shares the cache with Python's `huggingface_hub`, in both directions.

use std::{env, fs, process::Command};

use crate::{Folder, assert_complete, fetch, model, server::Server, settings};

/// Runs Python against `server` with `cache`, and returns its output.
fn python(server: &Server, cache: &Folder, offline: bool) -> String {
    let python = env::var("VITRINE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    // File by file, as transformers does.
    let script = "import os\n\
                  from huggingface_hub import hf_hub_download\n\
                  names = ['config.json', 'tokenizer.json', 'model.safetensors.index.json',\n\
                  \x20        'model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']\n\
                  paths = [hf_hub_download('owner/model', name) for name in names]\n\
                  print(os.path.dirname(paths[0]))";
    let output = Command::new(python)
        .args(["-c", script])
        .env("HF_ENDPOINT", &server.endpoint)
        .env("HF_HUB_CACHE", &cache.0)
        .env("HF_HUB_OFFLINE", if offline { "1" } else { "0" })
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
#[ignore = "needs Python with huggingface_hub; VITRINE_PYTHON names the interpreter"]
fn what_python_fetched_is_found() {
    let (server, cache) = (model(), Folder::new());
    let folder = python(&server, &cache, false);
    let mut settings = settings(&server, &cache);
    settings.offline = true;
    let snapshot = fetch("owner/model", &settings).unwrap();
    assert_eq!(
        fs::canonicalize(&snapshot.folder).unwrap(),
        fs::canonicalize(folder).unwrap()
    );
    assert_complete(&snapshot.folder);
    settings.offline = false;
    server.take_log();
    fetch("owner/model", &settings).unwrap();
    assert_eq!(server.take_log().len(), 1, "nothing is fetched again");
}

#[test]
#[ignore = "needs Python with huggingface_hub; VITRINE_PYTHON names the interpreter"]
fn python_finds_what_we_fetched() {
    let (server, cache) = (model(), Folder::new());
    let snapshot = fetch("owner/model", &settings(&server, &cache)).unwrap();
    server.take_log();
    let folder = python(&server, &cache, true);
    assert_eq!(
        fs::canonicalize(&snapshot.folder).unwrap(),
        fs::canonicalize(folder).unwrap()
    );
    assert!(server.take_log().is_empty());
    python(&server, &cache, false);
    let log = server.take_log();
    assert!(
        !log.iter()
            .any(|line| line.starts_with("GET /owner") || line.contains("/storage/")),
        "{log:?}"
    );
}
