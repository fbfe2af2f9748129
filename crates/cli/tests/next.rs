//! `vitrine next` looked at closely: named tokens, the steps of a draw, every position.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod run;

use std::path::Path;

use serde_json::Value;

use run::{RANDOM, assert_fails, json, vitrine};

const PROMPT: &str = "The capital of Japan is";
const IDS: [&str; 4] = ["--ids", "5,6,7,6", "--model", RANDOM];

fn random(command: &str, more: &[&str]) -> Value {
    json(&[&[command][..], &IDS, more, &["--json"]].concat())
}

#[test]
fn the_steps_draw_what_generate_draws() {
    let mut drawn = Vec::new();
    for seed in 0..8 {
        let seed = seed.to_string();
        let settings = [
            "--temperature",
            "1.7",
            "--top-k",
            "40",
            "--top-p",
            "0.9",
            "--min-p",
            "0.02",
            "--repetition-penalty",
            "1.3",
            "--seed",
            &seed,
        ];
        let steps = random("next", &[&["--steps"][..], &settings].concat());
        let flags = ["--sample", "--max-new-tokens", "1"];
        let generated = random("generate", &[&flags[..], &settings].concat());
        assert_eq!(steps["drawn"]["id"], generated["ids"][0], "seed {seed}");
        drawn.push(steps["drawn"]["id"].clone());

        let filters = steps["filters"].as_array().unwrap();
        let kept: Vec<u64> = filters
            .iter()
            .map(|it| it["kept"].as_u64().unwrap())
            .collect();
        assert_eq!(kept[0], 40);
        assert!(kept[0] > kept[1] && kept[1] >= kept[2], "{kept:?}");
        assert_eq!(filters[0]["removed"], 1003 - 40);
        let draw = &steps["draw"];
        let of = |name: &str| draw[name].as_f64().unwrap();
        assert!((of("start")..=of("start") + of("probability")).contains(&of("u")));
    }
    drawn.dedup();
    assert!(drawn.len() > 1, "every seed draws {drawn:?}");
}

#[test]
fn the_columns_of_the_steps_are_probabilities() {
    let settings = ["--steps", "--top", "0", "--top-k", "5", "--seed", "1"];
    let steps = random("next", &settings);
    let tokens = steps["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 1003);
    for column in ["probability", "after_top_k", "after_top_p", "after_min_p"] {
        let sum: f64 = tokens.iter().map(|row| row[column].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{column}: {sum}");
    }
    let next = random("next", &["--top", "1"]);
    assert_eq!(tokens[0]["piece"]["id"], next["top"][0]["id"]);
    let table = vitrine(&[&["next"][..], &IDS, &settings[..3], &settings[3..]].concat());
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(
        table.contains("top_k removed 998 tokens and left 5"),
        "{table}"
    );
}

#[test]
fn positions_are_what_their_beginnings_predict() {
    let positions = random("next", &["--positions", "--top", "3"]);
    let positions = positions.as_array().unwrap();
    assert_eq!(positions.len(), 4);
    for (index, ids) in ["5", "5,6", "5,6,7", "5,6,7,6"].into_iter().enumerate() {
        let next = json(&[
            "next", "--ids", ids, "--model", RANDOM, "--top", "0", "--json",
        ]);
        let top = next["top"].as_array().unwrap();
        let position = &positions[index];
        assert_eq!(position["distribution"]["top"][0]["id"], top[0]["id"]);
        let following = &position["following"];
        if index == 3 {
            assert!(following.is_null());
            continue;
        }
        let at = top
            .iter()
            .position(|it| it["id"] == following["piece"]["id"])
            .unwrap();
        assert_eq!(following["rank"], at + 1);
        let probability = top[at]["probability"].as_f64().unwrap();
        let bits = following["surprisal_bits"].as_f64().unwrap();
        assert!(
            (bits + probability.log2()).abs() < 1e-3,
            "{bits} {probability}"
        );
    }
    let table = vitrine(&[&["next"][..], &IDS, &["--positions"]].concat());
    let table = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.lines().count(), 6, "{table}");
}

#[test]
fn tokens_are_asked_after_by_name() {
    let named = ["--token", " Tokyo", "--token", " Kyoto"];
    let report = json(&[&["next", PROMPT, "--top", "0", "--json"][..], &named].concat());
    let top = report["top"].as_array().unwrap();
    for one in report["named"].as_array().unwrap() {
        let at = one["rank"].as_u64().unwrap() as usize - 1;
        assert_eq!(top[at]["id"], one["piece"]["id"]);
        let probability = top[at]["probability"].as_f64().unwrap();
        assert!((one["probability"].as_f64().unwrap() - probability).abs() < 1e-6);
    }
    assert_eq!(report["named"][0]["rank"], 1);
    assert_fails(
        &["next", PROMPT, "--token", " Tokyo is"],
        2,
        "is 2 tokens (\" Tokyo\" \" is\")",
    );
}

#[test]
fn settings_without_steps_are_refused() {
    let fails = |more: &[&str], words: &str| {
        assert_fails(&[&["next"][..], &IDS, more].concat(), 2, words);
    };
    fails(
        &["--temperature", "0.7"],
        "--temperature does nothing without --steps",
    );
    fails(
        &["--repetition-penalty", "2"],
        "does nothing without --steps",
    );
    fails(
        &["--steps", "--top-p", "2"],
        "top_p is 2: give a number from 0 to 1",
    );
    fails(&["--steps", "--positions"], "cannot be used with");
    fails(&["--token", "a"], "no tokenizer");
}

/// A copy of a model whose generation_config.json says this.
fn with_generation_config(name: &str, text: &str) -> String {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&to).unwrap();
    let llama = "../../tests/fixtures/architectures/llama";
    let llama = Path::new(env!("CARGO_MANIFEST_DIR")).join(llama);
    for entry in std::fs::read_dir(llama).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    std::fs::write(to.join("generation_config.json"), text).unwrap();
    to.to_str().unwrap().to_owned()
}

/// Recommended settings of the model's files are used, and unsupported ones are listed.
#[test]
fn sampling_defaults_are_those_of_the_model() {
    let config = r#"{"temperature": 0.5, "top_k": 7, "typical_p": 0.9, "num_beams": 3}"#;
    let other = with_generation_config("sampling-defaults", config);
    // One token after these.
    let given = ["generate", "--ids", "5,6,7", "--max-new-tokens", "1"];
    let sampled =
        |more: &[&str]| json(&[&given[..], &["--seed", "1", "--json", "--sample"], more].concat());
    let report = sampled(&["--model", &other]);
    assert_eq!(report["sampling"]["temperature"], 0.5);
    assert_eq!(report["sampling"]["top_k"], 7);
    assert_eq!(
        report["not_followed"],
        serde_json::json!(["typical_p", "num_beams"])
    );
    // Controls: arguments take precedence, and another model has other defaults.
    let report = sampled(&["--model", &other, "--temperature", "0.25"]);
    assert_eq!(report["sampling"]["temperature"], 0.25);
    let report = sampled(&["--model", RANDOM]);
    assert_eq!(report["sampling"]["top_k"], 50);
    assert!(report.get("not_followed").is_none());

    let told = |more: &[&str]| {
        let output = vitrine(&[&given[..], &["--model", &other], more].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    let sentence = "also set typical_p, num_beams: not followed";
    assert!(told(&["--sample"]).contains(sentence));
    assert!(!told(&[]).contains(sentence));
}
