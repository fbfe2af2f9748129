//! Generating with and without the KV cache.

use crate::run::{RANDOM, assert_fails, json, vitrine};
use crate::{each, scratch};

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
