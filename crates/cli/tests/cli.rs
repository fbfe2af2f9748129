//! The binary as scripts see it: output, exit codes, and one clear sentence for each mistake.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

#[path = "../../hub/tests/hub/server.rs"]
#[allow(dead_code, reason = "the tests of the hub use more of it")]
mod hub_server;

mod run;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use run::{RANDOM, assert_fails, failure, json, vitrine};

/// A damaged copy of the random model.
fn damaged(name: &str, damage: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = std::fs::read(RANDOM).unwrap();
    damage(&mut bytes);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn position(bytes: &[u8], text: &str) -> usize {
    bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .unwrap()
}

#[test]
fn generate_json_has_the_documented_keys() {
    let report = json(&[
        "generate",
        "--ids",
        "1,2,3",
        "--model",
        RANDOM,
        "--max-new-tokens",
        "5",
        "--json",
    ]);
    let mut keys: Vec<&str> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "adapter",
            "decode_tokens_per_s",
            "finish_reason",
            "ids",
            "load_s",
            "model",
            "prefill_tokens_per_s",
            "prompt_ids",
            "sampling",
            "text",
            "time_to_first_token_s"
        ]
    );
    assert_eq!(report["prompt_ids"], serde_json::json!([1, 2, 3]));
    assert_eq!(report["ids"].as_array().unwrap().len(), 5);
    assert_eq!(report["text"], Value::Null);
    assert_eq!(report["finish_reason"], "length");
    let without = json(&[
        "generate",
        "--ids",
        "1,2,3",
        "--model",
        RANDOM,
        "--max-new-tokens",
        "5",
        "--json",
        "--no-kv-cache",
    ]);
    assert_eq!(without["ids"], report["ids"]);
}

#[test]
fn next_json_is_a_distribution() {
    let all = json(&[
        "next", "--ids", "1,2,3", "--model", RANDOM, "--top", "0", "--json",
    ]);
    let top = all["top"].as_array().unwrap();
    assert_eq!(top.len(), 1003);
    let sum: f64 = top
        .iter()
        .map(|entry| entry["probability"].as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    assert_eq!(all["rest_probability"], 0.0);

    let six = json(&[
        "next", "--ids", "1,2,3", "--model", RANDOM, "--top", "6", "--json",
    ]);
    assert_eq!(six["prompt_ids"], serde_json::json!([1, 2, 3]));
    for (few, many) in six["top"].as_array().unwrap().iter().zip(top) {
        let keys: Vec<&str> = few
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["id", "logit", "probability", "token"]);
        assert_eq!((&few["id"], &few["logit"]), (&many["id"], &many["logit"]));
        let of = |entry: &Value| entry["probability"].as_f64().unwrap();
        assert!((of(few) - of(many)).abs() < 1e-5);
    }
    let listed: f64 = six["top"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["probability"].as_f64().unwrap())
        .sum();
    assert!((listed + six["rest_probability"].as_f64().unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn bars_have_no_colour_in_a_pipe() {
    let output = vitrine(&["next", "--ids", "1,2,3", "--model", RANDOM, "--top", "3"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("all 1000 other tokens"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn adapters_are_listed() {
    let adapters = json(&["adapters", "--json"]);
    let first = &adapters.as_array().unwrap()[0];
    assert!(first["max_storage_binding"].as_u64().unwrap() > 0);
    let name = first["name"].as_str().unwrap();
    let by_name = [
        "generate",
        "--ids",
        "1",
        "--model",
        RANDOM,
        "--max-new-tokens",
        "1",
        "--json",
        "--adapter",
        &name[..4],
    ];
    assert_eq!(json(&by_name)["adapter"], name);
    assert_fails(
        &[
            "generate",
            "--ids",
            "1",
            "--model",
            RANDOM,
            "--adapter",
            "Voodoo 2",
        ],
        4,
        "No adapter matches \"Voodoo 2\"",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn no_adapter_is_one_sentence() {
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .args(["generate", "--ids", "1", "--model", RANDOM])
        .env("VK_ICD_FILENAMES", "nowhere.json")
        .env("VK_DRIVER_FILES", "nowhere.json")
        .output()
        .unwrap();
    let (code, line) = failure(&output);
    assert_eq!(code, 4, "{line}");
    assert!(line.contains("No GPU adapter was found"), "{line}");
}

#[test]
fn an_unreachable_network_is_one_sentence() {
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .args(["generate", "Hello"])
        .env(
            "VITRINE_CACHE",
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("empty-cache"),
        )
        // No pip, and a proxy that does not answer.
        .env("PATH", "")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("https_proxy", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let (code, line) = failure(&output);
    assert_eq!(code, 5, "{line}");
    assert!(!line.is_empty());
}

#[test]
fn wrong_arguments_exit_with_2() {
    for arguments in [
        &["generate"][..],
        &["generate", "--ids", "1,two", "--model", RANDOM],
        &["generate", "Hello", "--ids", "1", "--model", RANDOM],
        &["frobnicate"],
    ] {
        assert_eq!(vitrine(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_fails(
        &["generate", "Hello", "--model", RANDOM],
        2,
        "has no tokenizer",
    );
    assert_fails(
        &["generate", "Hello", "--chat", "--model", RANDOM],
        2,
        "no chat template",
    );
    assert_fails(
        &["next", "--ids", "1003", "--model", RANDOM],
        2,
        "not in the vocabulary",
    );
    let long = vec!["1"; 200].join(",");
    assert_fails(
        &["generate", "--ids", &long, "--model", RANDOM],
        2,
        "200 tokens",
    );
}

#[test]
fn damaged_files_exit_with_3_and_one_sentence() {
    let fails = |path: &PathBuf, words: &str| {
        assert_fails(
            &["next", "--ids", "1", "--model", path.to_str().unwrap()],
            3,
            words,
        );
    };
    fails(
        &PathBuf::from("no/such/file.gguf"),
        "there is no file or folder",
    );
    fails(
        &damaged("zip.gguf", |bytes| {
            bytes[..4].copy_from_slice(b"PK\x03\x04");
        }),
        "not a GGUF",
    );
    fails(&damaged("empty.gguf", Vec::clear), "the file is empty");
    fails(&damaged("version.gguf", |bytes| bytes[4] = 9), "version 9");
    for keep in [3, 10, 100, 1000] {
        let path = damaged(&format!("cut-{keep}.gguf"), |bytes| bytes.truncate(keep));
        fails(&path, if keep == 3 { "not a GGUF" } else { "damaged" });
    }
    let half = damaged("half.gguf", |bytes| bytes.truncate(bytes.len() / 2));
    fails(&half, "truncated");
    let last = damaged("last.gguf", |bytes| bytes.truncate(bytes.len() - 100));
    fails(&last, "truncated");
    let other = damaged("architecture.gguf", |bytes| {
        let at = position(bytes, "general.architecture") + "general.architecture".len() + 12;
        bytes[at..at + 5].copy_from_slice(b"mamba");
    });
    fails(
        &other,
        "architecture \"mamba\" is not supported; supported: ",
    );
    let tensors = damaged("tensors.gguf", |bytes| bytes[8..16].fill(0xFF));
    fails(&tensors, "damaged");
    let huge = damaged("shape.gguf", |bytes| {
        let at = position(bytes, "output_norm.weight") + "output_norm.weight".len() + 4;
        bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    });
    fails(&huge, "beyond the end");
}

#[test]
fn tokenize_reads_a_tokenizer_json_and_refuses_what_is_none() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tokenizer");
    std::fs::create_dir_all(&folder).unwrap();
    let file = serde_json::json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": true },
        "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
            "use_regex": true },
        "model": { "type": "BPE", "dropout": null, "unk_token": null,
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
            "byte_fallback": false, "ignore_merges": false,
            "vocab": { "a": 0, "b": 1, "\u{120}": 2, "ab": 3, "\u{120}ab": 4 },
            "merges": [["a", "b"], ["\u{120}", "ab"]] },
    });
    std::fs::write(folder.join("tokenizer.json"), file.to_string()).unwrap();
    let folder = folder.to_str().unwrap();
    let report = json(&["tokenize", "ab ab", "--model", folder, "--json"]);
    assert_eq!(
        report["tokens"][1],
        serde_json::json!({ "position": 1, "id": 4, "piece": "\u{120}ab", "text": " ab",
            "bytes": [32, 97, 98] })
    );
    assert_eq!(report["text"], "ab ab");
    let back = json(&[
        "tokenize", "--decode", "3", "4", "--model", folder, "--json",
    ]);
    assert_eq!(back, report);
    assert_fails(
        &["tokenize", "Hello", "--model", RANDOM],
        2,
        "has no tokenizer",
    );
    assert_fails(
        &["tokenize", "Hello", "--model", "nowhere.json"],
        3,
        "there is no file or folder",
    );
}

#[test]
fn folders_without_a_model_exit_with_3_and_one_sentence() {
    for (name, files, words) in [
        ("none", &["README.md"][..], "There is no model here"),
        ("lora", &["adapter_config.json"], "an adapter"),
        (
            "pickle",
            &["config.json", "pytorch_model.bin"],
            "safetensors",
        ),
        ("no-config", &["model.safetensors"], "config.json"),
        (
            "shard",
            &["config.json", "model-00001-of-00002.safetensors"],
            "model-00002-of-00002.safetensors",
        ),
        ("several", &["a.gguf", "b.gguf"], "a.gguf, b.gguf"),
    ] {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("folder-{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        for file in files {
            std::fs::write(folder.join(file), "{}").unwrap();
        }
        let folder = folder.to_str().unwrap();
        assert_fails(&["next", "--ids", "1", "--model", folder], 3, words);
    }
}

#[test]
fn a_model_of_the_hub_that_cannot_be_had_is_one_sentence() {
    let run = |model: &str, variables: &[(&str, &str)]| {
        let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/empty-cache");
        let output = Command::new(env!("CARGO_BIN_EXE_vitrine"))
            .args(["next", "--ids", "1", "--model", model])
            .env("HF_HUB_CACHE", cache)
            .env("HF_ENDPOINT", "http://127.0.0.1:9")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        failure(&output)
    };
    let (code, line) = run("owner/name", &[("HF_HUB_OFFLINE", "1")]);
    assert!(
        code == 5 && line.contains("HF_HUB_OFFLINE"),
        "{code} {line}"
    );
    let (code, line) = run("owner/name", &[]);
    assert!(
        code == 5 && line.contains("cannot be reached"),
        "{code} {line}"
    );
    let (code, line) = run("owner/na me", &[]);
    assert!(
        code == 2 && line.contains("owner/name@revision"),
        "{code} {line}"
    );
    let (code, line) = run("owner/name", &[("HF_TOKEN", "two words")]);
    assert!(code == 5 && line.contains("HF_TOKEN"), "{code} {line}");
}

#[test]
fn a_model_of_the_hub_runs_and_then_runs_offline() {
    let bytes = std::fs::read(RANDOM).unwrap();
    let server = hub_server::Server::start(&[("random.Q8_0.gguf", &bytes), ("README.md", b"")]);
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hub-cache");
    let _ = std::fs::remove_dir_all(&cache);
    let run = |model: &str, offline: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_vitrine"))
            .args([
                "generate",
                "--ids",
                "1,2,3",
                "--max-new-tokens",
                "3",
                "--json",
            ])
            .args(["--model", model])
            .env("HF_HUB_CACHE", &cache)
            .env("HF_ENDPOINT", &server.endpoint)
            .env("HF_HUB_OFFLINE", offline)
            .output()
            .unwrap();
        assert!(output.status.success(), "{:?}", failure(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let first = run("owner/model", "0");
    assert_eq!(first["model"], "owner/model");
    assert_eq!(run("owner/model:q8_0", "1")["ids"], first["ids"]);
    let local = json(&[
        "generate",
        "--ids",
        "1,2,3",
        "--max-new-tokens",
        "3",
        "--json",
        "--model",
        RANDOM,
    ]);
    assert_eq!(first["ids"], local["ids"]);
}
