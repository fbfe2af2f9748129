//! The commands that look inside a model: their numbers agree with each other, and mistakes are one
//! clear sentence.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod changes;
mod compare;
mod inspection;
mod packets;
mod race;
mod refused;
#[path = "../run/mod.rs"]
mod run;

use std::path::Path;

use serde_json::Value;

use run::{RANDOM, json};

/// A prompt for the default model.
const PROMPT: &str = "The capital of Japan is";
/// Ids for the model of random weights, of which one comes twice.
const IDS: [&str; 4] = ["--model", RANDOM, "--ids", "5,6,7,5,6"];
/// A model of float weights.
const FLOATS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/fixtures/architectures/llama"
);

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
