//! Several prompts in one run.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod run;

use std::path::PathBuf;

use serde_json::Value;

use run::{assert_fails, json, vitrine};

const PROMPTS: [&str; 3] = [
    "The capital of Japan is",
    "1, 2, 3, 4,",
    "Once upon a time there was a little girl who",
];

fn prompts_file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn ids(value: &Value) -> Vec<u64> {
    let ids = value["ids"].as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap()).collect()
}

#[test]
fn each_prompt_says_what_it_says_alone() {
    let file = prompts_file("prompts.txt", &PROMPTS.join("\n"));
    let length = ["--max-new-tokens", "6", "--json"];
    let all = ["generate", "--prompts-file", &file, "--batch", "2"];
    let batch = json(&[&all[..], &length].concat());
    let results = batch["results"].as_array().unwrap();
    assert_eq!((results.len(), &batch["batch"]), (3, &Value::from(2)));
    let mut seen = Vec::new();
    for (prompt, result) in PROMPTS.iter().zip(results) {
        let alone = json(&[&["generate", prompt][..], &length].concat());
        for key in ["ids", "prompt_ids", "text", "finish_reason"] {
            assert_eq!(result[key], alone[key], "{prompt}: {key}");
        }
        assert_eq!(result["prompt"], *prompt);
        seen.push(ids(result));
    }
    // Control: the prompts give different results.
    assert!(seen[0] != seen[1] && seen[1] != seen[2]);
    let tokens: usize = seen.iter().map(Vec::len).sum();
    assert_eq!(batch["tokens"], tokens);
    let speed = batch["tokens_per_s"].as_f64().unwrap() * batch["seconds"].as_f64().unwrap();
    assert!((speed - tokens as f64).abs() < 1e-6);
}

#[test]
fn results_stand_under_their_prompts() {
    let output = vitrine(&[
        "generate",
        "--prompt",
        PROMPTS[0],
        "--prompt",
        PROMPTS[1],
        "--max-new-tokens",
        "2",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("1. The capital of Japan is\n Tokyo"),
        "{text}"
    );
    assert!(text.contains("2. 1, 2, 3, 4,\n"), "{text}");
    let timings = String::from_utf8(output.stderr).unwrap();
    assert!(timings.contains("2 prompts, 2 at a time"), "{timings}");
    assert!(timings.contains("tok/s in all (4 new tokens"), "{timings}");
}

#[test]
fn bad_batches_are_one_sentence() {
    let generate = |more: &[&str], words: &str| {
        assert_fails(&[&["generate"], more].concat(), 2, words);
    };
    generate(
        &["--prompt", "a", "--prompt", ""],
        "Prompt 2: The prompt is empty",
    );
    let long = "word ".repeat(40);
    let context = ["--prompt", "a", "--prompt", &long, "--context", "16"];
    generate(&context, "Prompt 2: The prompt has");
    generate(&["a", "--prompt", "b"], "cannot be used with");
    generate(&["--prompt", "a", "--no-kv-cache"], "cannot be used with");
    generate(&["--prompt", "a", "--batch", "0"], "invalid value");
    generate(&["--prompts-file", "/no/such/file"], "cannot be read");
    let empty = prompts_file("empty.txt", "");
    generate(&["--prompts-file", &empty], "is empty");
}

#[test]
fn each_prompt_writes_the_packets_that_it_writes_alone() {
    let lines = |path: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let path = |name: &str| prompts_file(name, "");
    let (several, alone) = (path("several.jsonl"), path("alone.jsonl"));
    let wanted = [
        "--parts",
        "logits,heads,residual,kv",
        "--max-new-tokens",
        "3",
        "--ablate",
        "4.*",
        "--skip-mlp",
        "0",
        "--json",
    ];
    let all = [
        "generate",
        "--prompt",
        PROMPTS[0],
        "--prompt",
        PROMPTS[1],
        "--packets",
        &several,
    ];
    let batch = json(&[&all[..], &wanted].concat());
    let mut plain = Vec::new();
    for (number, prompt) in PROMPTS[..2].iter().enumerate() {
        let one = ["generate", prompt, "--packets", &alone];
        json(&[&one[..], &wanted].concat());
        let file = several.replace(".jsonl", &format!(".{}.jsonl", number + 1));
        let (got, right) = (lines(&file), lines(&alone));
        assert_eq!((got.len(), right.len()), (5, 5));
        for (got, right) in got[1..4].iter().zip(&right[1..4]) {
            for field in ["position", "piece", "distribution", "packet"] {
                assert_eq!(got["token"][field], right["token"][field], "{prompt}");
            }
        }
        assert_eq!(got[4]["summary"]["ids"], batch["results"][number]["ids"]);
        let length = ["--max-new-tokens", "3", "--json"];
        plain.push(json(&[&["generate", prompt][..], &length].concat())["ids"].clone());
    }
    // Control: nothing switched off says something else.
    let changed: Vec<_> = (0..2)
        .map(|index| batch["results"][index]["ids"].clone())
        .collect();
    assert_ne!(changed, plain);
    let wrong = [
        "generate",
        "--prompt",
        "a",
        "--prompt",
        "b",
        "--skip-mlp",
        "99",
    ];
    assert_fails(&wrong, 2, "There is no layer 99");
}

/// How much it grows is for `vitrine bench` to print, not for a test on a busy machine.
#[test]
fn the_benchmark_has_a_line_for_each_batch_and_for_each_kernel() {
    let picture = format!("{}/milliseconds.svg", env!("CARGO_TARGET_TMPDIR"));
    let report = json(&[
        "bench",
        "--prefill",
        "1",
        "--at",
        "16",
        "--new-tokens",
        "2",
        "--batch",
        "1,8",
        "--svg",
        &picture,
        "--json",
    ]);
    let rates = report["batch"].as_array().unwrap();
    let sequences: Vec<_> = rates
        .iter()
        .map(|rate| rate["sequences"].as_u64())
        .collect();
    assert_eq!(sequences, [Some(1), Some(8)]);
    assert_eq!(rates[1]["tokens"], 16);
    assert!(
        rates
            .iter()
            .all(|rate| rate["tokens_per_s"].as_f64() > Some(0.0))
    );
    let profiles = report["profiles"].as_array().unwrap();
    let token = profiles
        .iter()
        .find(|profile| profile["tokens"] == 1 && profile["context"] == 16);
    let kernels = token.unwrap()["kernels"].as_array().unwrap();
    let runs: u64 = kernels
        .iter()
        .filter_map(|kernel| kernel["dispatches"].as_u64())
        .sum();
    assert_eq!(Some(runs), report["dispatches_per_token"].as_u64());
    let down_proj = kernels
        .iter()
        .find(|kernel| kernel["name"] == "down_proj")
        .unwrap();
    assert_eq!(down_proj["dispatches"], 30);
    assert_eq!(down_proj["weights"], 30 * 576 * 1536);
    assert!(down_proj["seconds"].as_f64() > Some(0.0));
    let drawn = std::fs::read_to_string(picture).unwrap();
    for text in ["a token at 16", "down_proj", "all other", " ms"] {
        assert!(drawn.contains(text), "{text}");
    }
}
