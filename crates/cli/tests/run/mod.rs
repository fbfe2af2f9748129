//! Runs the binary.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::process::{Command, Output};

use serde_json::Value;

/// A GGUF file of random weights, without a tokenizer.
pub const RANDOM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/random-llama/model.gguf"
);

/// The binary with those arguments.
pub fn vitrine(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .args(arguments)
        .output()
        .unwrap()
}

/// The object that it prints.
pub fn json(arguments: &[&str]) -> Value {
    let output = vitrine(arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The exit code, and the one line that says why.
pub fn failure(output: &Output) -> (i32, String) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(
        output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let line = stderr
        .lines()
        .rfind(|line| line.starts_with("error: "))
        .unwrap_or_default();
    (output.status.code().unwrap(), line.to_owned())
}

/// Asserts that it ends with that exit code, and one line with those words.
#[track_caller]
pub fn assert_fails(arguments: &[&str], code: i32, words: &str) {
    let (found, line) = failure(&vitrine(arguments));
    assert!(line.contains(words), "{arguments:?}: {line}");
    assert_eq!(found, code, "{arguments:?}: {line}");
}
