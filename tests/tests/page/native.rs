//! The native program, which the page must agree with.

use std::{path::Path, process::Command};

use serde::{Deserialize, de::DeserializeOwned};

use crate::setup;

/// Output of `vitrine generate --json`.
#[derive(Debug, Deserialize)]
pub struct Generated {
    pub prompt_ids: Vec<u32>,
    pub ids: Vec<u32>,
    pub text: String,
}

/// Output of `vitrine next --json`.
#[derive(Debug, Deserialize)]
pub struct Next {
    pub top: Vec<Candidate>,
    pub rest_probability: f64,
}

/// One candidate.
#[derive(Debug, Deserialize)]
pub struct Candidate {
    pub id: u32,
    pub logit: f64,
    pub probability: f64,
}

/// Continues a prompt natively.
pub fn generate(prompt: &str, max_new_tokens: usize) -> Generated {
    run(&[
        "generate",
        prompt,
        "--max-new-tokens",
        &max_new_tokens.to_string(),
    ])
}

/// The distribution after these tokens, natively.
pub fn next(ids: &[u32], top: usize) -> Next {
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    run(&["next", "--ids", &ids.join(","), "--top", &top.to_string()])
}

/// Output of a command with `--json`.
pub fn run<T: DeserializeOwned>(arguments: &[&str]) -> T {
    run_on(None, arguments)
}

/// The same on the adapter of a given Vulkan driver.
pub fn run_on<T: DeserializeOwned>(driver: Option<&Path>, arguments: &[&str]) -> T {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_slice(&output_on(driver, &arguments)).unwrap()
}

/// Output of a command.
pub fn output(arguments: &[&str]) -> Vec<u8> {
    output_on(None, arguments)
}

fn output_on(driver: Option<&Path>, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(setup::path("VITRINE_BIN"))
        .args(arguments)
        .arg("--model")
        .arg(setup::path("VITRINE_MODEL"))
        .envs(driver.map(|driver| ("VK_ICD_FILENAMES", driver)))
        .output()
        .expect("the native program starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "vitrine {arguments:?}: {message}");
    output.stdout
}
