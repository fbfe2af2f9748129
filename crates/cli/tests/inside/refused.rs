//! Things that do not exist.

use std::path::Path;

use crate::run::{RANDOM, assert_fails, vitrine};
use crate::{FLOATS, IDS, PROMPT, scratch};

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
