//! The commands that look inside a model: their numbers agree with each other, and mistakes are one
//! clear sentence.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod run;

use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;

use run::{RANDOM, assert_fails, json, vitrine};

/// A file of this test's own.
fn scratch(name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path.to_str().unwrap().to_owned()
}

/// A field of every object of a list.
fn each(list: &Value, field: &str) -> Vec<f64> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|entry| entry[field].as_f64().unwrap())
        .collect()
}

#[test]
fn a_race_writes_the_same_tokens_and_counts_every_step() {
    let svg = scratch("race.svg");
    let prompt = [
        "--ids",
        "1,2,3",
        "--model",
        RANDOM,
        "--max-new-tokens",
        "6",
        "--json",
    ];
    let race = json(&[&["race"][..], &prompt, &["--svg", &svg]].concat());
    assert_eq!(race["same_tokens"], true);
    let generated = json(&[&["generate"][..], &prompt].concat());
    assert_eq!(race["with_cache"]["ids"], generated["ids"]);
    let steps = |lane: &str, field| each(&race[lane]["steps"], field);
    assert_eq!(
        steps("with_cache", "tokens"),
        [3.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    );
    assert_eq!(
        steps("without_cache", "tokens"),
        [3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    );
    // 2 × layers × kv heads × head_dim × 4 bytes for each position; nothing without the cache.
    let cache = steps("with_cache", "cache_bytes");
    assert!(
        cache
            .windows(2)
            .all(|pair| pair[1] - pair[0] == cache[0] / 3.0),
        "{cache:?}"
    );
    assert_eq!(steps("without_cache", "cache_bytes"), [0.0; 6]);
    let total: f64 = steps("with_cache", "seconds").iter().sum();
    let last = *steps("with_cache", "total_s").last().unwrap();
    assert!((total - last).abs() < 1e-9, "{total} {last}");
    let flops = |lane| steps(lane, "flops").iter().sum::<f64>();
    let ratio = flops("without_cache") / flops("with_cache");
    assert!((race["flops_ratio"].as_f64().unwrap() - ratio).abs() < 1e-9);
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));

    let table = vitrine(&[
        "race",
        "--ids",
        "1,2,3",
        "--model",
        RANDOM,
        "--max-new-tokens",
        "6",
    ]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("The same 6 tokens after 3."), "{table}");
}

#[test]
fn a_race_that_cannot_be_run_is_one_sentence() {
    let race = |more: &[&'static str]| [&["race", "--model", RANDOM][..], more].concat();
    assert_fails(&race(&["--ids", "1003"]), 2, "not in the vocabulary");
    assert_fails(
        &race(&["--ids", "1", "--max-new-tokens", "0"]),
        2,
        "0 is not in",
    );
    assert_fails(
        &race(&["--ids", "1", "--svg", "race.jpg"]),
        2,
        ".svg or .png",
    );
}

/// A prompt for the default model.
const PROMPT: &str = "The capital of Japan is";
/// Ids for the model of random weights, of which one comes twice.
const IDS: [&str; 4] = ["--model", RANDOM, "--ids", "5,6,7,5,6"];
/// A model of float weights.
const FLOATS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/architectures/llama"
);

fn close(a: &Value, b: &Value, tolerance: f64) -> bool {
    (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= tolerance
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|number| number.as_f64().unwrap()).collect()
}

/// A command on the model of random weights, with what else it is given.
fn random(command: &str, more: &[&str]) -> Value {
    json(&[&[command][..], &IDS, more, &["--json"]].concat())
}

#[test]
fn the_last_row_of_the_lens_is_what_next_says() {
    let lens = json(&["lens", PROMPT, "--top", "3", "--json"]);
    let next = json(&["next", PROMPT, "--top", "3", "--json"]);
    assert_eq!(lens["prompt_ids"], next["prompt_ids"]);
    let rows = lens["lens"].as_array().unwrap();
    assert_eq!(rows.len(), 31);
    let last = &rows[30][4];
    for (seen, said) in last
        .as_array()
        .unwrap()
        .iter()
        .zip(next["top"].as_array().unwrap())
    {
        assert_eq!(seen["id"], said["id"]);
        assert!(close(&seen["probability"], &said["probability"], 1e-4));
    }
    // The model does not know it from the beginning: the first layers say something else.
    let answer = &last[0]["id"];
    assert_ne!(&rows[0][4][0]["id"], answer);
    let from = lens["leads_from"][4].as_u64().unwrap() as usize;
    assert!(rows[from..].iter().all(|row| &row[4][0]["id"] == answer));
    assert!(from > 0 && &rows[from - 1][4][0]["id"] != answer);

    let table = vitrine(&["lens", PROMPT]);
    let table = String::from_utf8(table.stdout).unwrap();
    // A row of tokens, 30 layers, the output, and the sentence.
    assert_eq!(table.lines().count(), 33, "{table}");
    assert!(table.contains("\" Tokyo\" (70.3 %) leads"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table:?}");
}

#[test]
fn a_trace_holds_what_was_asked_for_and_agrees_with_the_other_commands() {
    let out = scratch("trace.safetensors");
    let taps = "hidden_states,attentions,logits,lens.0,q.1";
    let report = random("trace", &["--tap", taps, "--out", &out]);
    let bytes = std::fs::read(&out).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata["prompt_ids"], "[5,6,7,5,6]");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (name, shape) in [
        ("hidden_states.0", &[5, 144][..]),
        ("hidden_states.3", &[5, 144]),
        ("attentions.2", &[9, 5, 5]),
        ("logits", &[5, 1003]),
        ("lens.0", &[5, 1003]),
        ("q.1", &[9, 5, 16]),
    ] {
        assert_eq!(file.tensor(name).unwrap().shape(), shape, "{name}");
    }
    assert_eq!(file.len(), 4 + 3 + 1 + 1 + 1);
    assert_eq!(report["tensors"].as_array().unwrap().len(), file.len());
    let floats = |name: &str| -> Vec<f32> {
        let bytes = file.tensor(name).unwrap().data();
        let words = bytes.chunks_exact(4);
        words
            .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
            .collect()
    };

    let logits = floats("logits");
    let next = random("next", &["--top", "0"]);
    for candidate in next["top"].as_array().unwrap() {
        let id = candidate["id"].as_u64().unwrap() as usize;
        assert_eq!(
            logits[4 * 1003 + id],
            candidate["logit"].as_f64().unwrap() as f32
        );
    }

    let head = random("attention", &["--layer", "2", "--head", "4"]);
    let matrix: Vec<f64> = head["attention"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(numbers)
        .collect();
    let traced = &floats("attentions.2")[4 * 25..5 * 25];
    assert!(matrix.iter().zip(traced).all(|(a, b)| *a as f32 == *b));
    for (query, row) in matrix.chunks_exact(5).enumerate() {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(row[query + 1..].iter().all(|hidden| *hidden == 0.0));
    }
    // Control: another head is another matrix.
    assert_ne!(
        head["attention"],
        random("attention", &["--layer", "2", "--head", "5"])["attention"]
    );

    let summary = random("attention", &["--summary"]);
    let heads = summary["heads"].as_array().unwrap();
    assert_eq!(heads.len(), 27);
    assert_eq!(heads[2 * 9 + 4], head["scores"]);
    assert!(head["scores"]["induction"].is_number());
}

#[test]
fn ablations_begin_with_next_and_agree_with_the_sweep() {
    let next = random("next", &["--top", "10"]);
    let sweep = random("ablate", &["--sweep"]);
    let effects = sweep["heads"].as_array().unwrap();
    assert_eq!(effects.len(), 27);
    assert_eq!(sweep["answer"]["id"], next["top"][0]["id"]);
    let sorted = each(&sweep["heads"], "kl");
    assert!(sorted.windows(2).all(|pair| pair[0] >= pair[1]) && sorted[0] > sorted[26]);

    let strongest = format!("{}.{}", effects[0]["layer"], effects[0]["head"]);
    let one = random("ablate", &["--head", &strongest]);
    assert_eq!(one["kl"], effects[0]["kl"]);
    for (before, said) in one["before"]["top"]
        .as_array()
        .unwrap()
        .iter()
        .zip(next["top"].as_array().unwrap())
    {
        assert_eq!(
            (&before["id"], &before["logit"]),
            (&said["id"], &said["logit"])
        );
    }
    let most = &one["moved"][0];
    assert!((most["after"].as_f64().unwrap() - most["before"].as_f64().unwrap()).abs() > 0.0);
    // The mean of a head is not nothing.
    let mean = random("ablate", &["--mean", "--head", &strongest]);
    assert_ne!(mean["kl"], one["kl"]);
    // Named twice is ablated once.
    let twice = ["--mean", "--head", &strongest, "--head", &strongest];
    assert_eq!(random("ablate", &twice)["kl"], mean["kl"]);

    let all = random("ablate", &["--head", "1.*"]);
    let heads: Vec<String> = (0..9).map(|head| format!("1.{head}")).collect();
    let one_by_one: Vec<&str> = heads
        .iter()
        .flat_map(|head| ["--head", head.as_str()])
        .collect();
    assert_eq!(all["kl"], random("ablate", &one_by_one)["kl"]);
    // Heads that give nothing are an attention that adds nothing, where o_proj has no bias.
    let skipped = random("ablate", &["--skip-attention", "1"]);
    assert!(
        close(&skipped["kl"], &all["kl"], 1e-6),
        "{} {}",
        skipped["kl"],
        all["kl"]
    );
    assert!(!close(
        &random("ablate", &["--skip-mlp", "1"])["kl"],
        &all["kl"],
        1e-3
    ));
}

#[test]
fn patching_the_one_token_that_differs_restores_everything() {
    let (svg, png) = (scratch("patch.svg"), scratch("patch.png"));
    let report = json(&[
        "patch",
        "--model",
        RANDOM,
        "--clean-ids",
        "5,6,7,8",
        "--corrupt-ids",
        "5,9,7,8",
        "--json",
        "--svg",
        &svg,
        "--png",
        &png,
    ]);
    let restored: Vec<Vec<f64>> = report["restored"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    assert_eq!((restored.len(), restored[0].len()), (3, 4));
    // Before layer 0 a position knows its own token only.
    let first = &restored[0];
    assert!(
        (first[1] - 1.0).abs() < 1e-5 && first[2].abs() < 1e-5,
        "{first:?}"
    );
    assert!(restored.iter().all(|row| row[0] == 0.0));
    // Later it is spread over what comes after.
    assert!((restored[2][1] - 1.0).abs() > 1e-3, "{restored:?}");
    assert!(report["clean_difference"].as_f64() > report["corrupt_difference"].as_f64());
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));
    assert!(std::fs::read(png).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn heads_and_mlps_are_patched_too() {
    let patch = |more: &[&str]| -> Vec<Vec<f64>> {
        let prompts = ["--clean-ids", "5,6,7,8", "--corrupt-ids", "5,9,7,8"];
        let given = [&["patch", "--model", RANDOM, "--json"][..], &prompts, more].concat();
        let report = json(&given);
        let rows = report["restored"].as_array().unwrap();
        rows.iter().map(numbers).collect()
    };
    let residual = patch(&["--site", "residual"]);
    assert_eq!(residual, patch(&[]));
    let (heads, mlp) = (patch(&["--site", "head"]), patch(&["--site", "mlp"]));
    let one = patch(&["--site", "head", "--head", "3"]);
    for map in [&heads, &mlp, &one] {
        assert_eq!((map.len(), map[0].len()), (3, 4));
        assert!(map.iter().all(|row| row[0] == 0.0), "{map:?}");
        // What the last layer makes of the last position is all that is read of it.
        let (before, last) = map[2].split_at(3);
        assert!(before.iter().all(|share| share.abs() < 1e-5), "{map:?}");
        assert!(last[0].abs() > 1e-4, "{map:?}");
    }
    assert!(heads != mlp && heads != residual && one != heads);
}

#[test]
fn formats_are_compared_on_the_same_text() {
    let report = json(&[
        "compare",
        "--model",
        FLOATS,
        "--ids",
        "5,6,7",
        "--formats",
        "f32,f16,q8,q4",
        "--max-new-tokens",
        "6",
        "--json",
    ]);
    let formats = report["formats"].as_array().unwrap();
    let names: Vec<&str> = formats
        .iter()
        .map(|row| row["format"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["f32", "f16", "q8", "q4"]);
    let kl = each(&report["formats"], "mean_kl");
    assert_eq!(
        (kl[0], formats[0]["top1_agreement"].as_f64()),
        (0.0, Some(1.0))
    );
    // Fewer bits are further away.
    assert!(0.0 < kl[1] && kl[1] < kl[2] && kl[2] < kl[3], "{kl:?}");
    let bytes = each(&report["formats"], "weight_bytes");
    assert!(
        bytes[0] == bytes[1] && bytes[1] > bytes[2] && bytes[2] > bytes[3],
        "{bytes:?}"
    );
    assert_eq!(each(&formats[2]["positions"], "kl").len(), 9);
    assert_eq!(report["ids"].as_array().unwrap().len(), 9);

    let tables = json(&[
        "compare",
        "--model",
        FLOATS,
        "--ids",
        "5,6,7",
        "--formats",
        "f32,q8",
        "--max-new-tokens",
        "6",
        "--quantize-all",
        "--json",
    ]);
    let fewer = tables["formats"][1]["weight_bytes"].as_u64();
    assert!(fewer < formats[2]["weight_bytes"].as_u64());
}

/// `vitrine schema > docs/trace.schema.json` makes it anew.
#[test]
fn the_schema_in_the_documentation_is_that_of_the_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/trace.schema.json");
    let documented: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(documented, json(&["schema"]));
}

#[test]
fn packets_are_a_line_for_each_token() {
    let lines = |more: &[&str]| -> Vec<Value> {
        let file = scratch("trace.jsonl");
        let given = [
            "trace",
            "--ids",
            "5,6,7",
            "--model",
            RANDOM,
            "--max-new-tokens",
            "3",
        ];
        let output = vitrine(&[&given[..], &["--packets", &file], more].concat());
        assert!(output.status.success());
        let text = std::fs::read_to_string(file).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let all = lines(&[]);
    let kinds: Vec<&str> = all
        .iter()
        .map(|line| line["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["prompt", "token", "token", "token", "summary"]);
    let packet = &all[1]["step"]["packet"];
    for (part, length) in [
        ("heads", 3),
        ("residual", 7),
        ("neurons", 3),
        ("keys", 3),
        ("values", 3),
        ("lens", 3),
    ] {
        assert_eq!(packet[part].as_array().unwrap().len(), length, "{part}");
    }
    // The embedding, two halves of each layer, head, choice and packet; nothing without timestamps.
    if let Some(timings) = packet.get("timings") {
        assert_eq!(timings.as_array().unwrap().len(), 10);
        let seconds = timings.as_array().unwrap().iter();
        assert!(
            seconds
                .map(|stage| stage["seconds"].as_f64().unwrap())
                .sum::<f64>()
                > 0.0
        );
    }
    let counts = packet["logits"]["counts"].as_array().unwrap();
    assert_eq!(counts.iter().filter_map(Value::as_u64).sum::<u64>(), 1003);

    let given = [
        "generate",
        "--ids",
        "5,6,7",
        "--model",
        RANDOM,
        "--max-new-tokens",
        "3",
    ];
    let generated = json(&[&given[..], &["--json"]].concat());
    assert_eq!(all[4]["summary"]["ids"], generated["ids"]);

    let some = lines(&["--lens-every", "2"]);
    let lens = |line: &Value, layer: usize| line["step"]["packet"]["lens"][layer].clone();
    assert_eq!(lens(&some[1], 1), lens(&all[1], 2));
    assert!(lens(&some[1], 2).is_null());
    assert_eq!(some[0]["parts"].as_u64().unwrap() >> 8, 1);

    let some = lines(&["--parts", "heads"]);
    let packet = some[1]["step"]["packet"].as_object().unwrap();
    let names: Vec<&str> = packet.keys().map(String::as_str).collect();
    assert_eq!(names, ["heads", "logsumexp"]);
}

#[test]
fn what_is_not_there_is_one_sentence() {
    let fails = |command: &str, more: &[&str], words: &str| {
        assert_fails(&[&[command][..], &IDS, more].concat(), 2, words);
    };
    let out = scratch("never.safetensors");
    fails(
        "trace",
        &["--tap", "thoughts", "--out", &out],
        "no tap \"thoughts\"",
    );
    fails(
        "trace",
        &["--tap", "attentions.3", "--out", &out],
        "attentions.3",
    );
    fails(
        "trace",
        &["--tap", "logits", "--out", &out, "--max-bytes", "1000"],
        "only 0.0 MiB are allowed",
    );
    assert!(!Path::new(&out).exists());
    fails(
        "attention",
        &["--layer", "3", "--head", "0"],
        "attentions.3",
    );
    fails("attention", &["--layer", "0", "--head", "9"], "no head 9");
    fails("ablate", &["--head", "3.0"], "no layer 3");
    fails("ablate", &["--head", "0.9"], "no head 9");
    fails("ablate", &["--head", "0.4294967295"], "no head 4294967295");
    fails("ablate", &["--head", "first"], "LAYER.HEAD");
    fails("ablate", &["--skip-mlp", "7"], "no layer 7");
    for incomplete in [
        &["attention"][..],
        &["attention", "--layer", "0"],
        &["ablate"],
    ] {
        let output = vitrine(&[incomplete, &IDS].concat());
        assert_eq!(output.status.code(), Some(2), "{incomplete:?}");
    }
    assert_fails(
        &["attention", "--model", RANDOM, "--ids", "5", "--summary"],
        2,
        "at least two tokens",
    );
    let patch = |clean: &'static str, corrupt: &'static str, words: &str| {
        let prompts = [
            "patch",
            "--model",
            RANDOM,
            "--clean-ids",
            clean,
            "--corrupt-ids",
            corrupt,
        ];
        assert_fails(&prompts, 2, words);
    };
    patch("1,2,3", "1,2", "3 tokens and the corrupt one 2");
    patch("1,2,3", "1,2,3", "the same answer");
    let two = ["--clean-ids", "1,2", "--corrupt-ids", "1,3"];
    for (more, words) in [
        (&["--site", "head", "--head", "9"][..], "no head 9"),
        (&["--head", "1"], "add that, or leave the head away"),
        (&["--site", "neuron"], "residual, head, mlp"),
    ] {
        let given = [&["patch", "--model", RANDOM][..], &two, more].concat();
        let output = vitrine(&given);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{more:?}: {said}");
    }
    let answers = [
        "--clean-ids",
        "1,2",
        "--corrupt-ids",
        "1,3",
        "--answer",
        "1003",
    ];
    assert_fails(
        &[&["patch", "--model", RANDOM][..], &answers].concat(),
        2,
        "1003 is not in the vocabulary",
    );
    let output = vitrine(&[
        "compare",
        "--model",
        FLOATS,
        "--ids",
        "5",
        "--quantize",
        "q8",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert_fails(
        &["compare", PROMPT, "--formats", "f32,q8"],
        2,
        "Q4_1 already",
    );
}
