//! The command line's results for the sequence of the page.

use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;

use super::numbers::COMPARED;
use crate::native;

/// Layer and head that are looked at.
pub const LAYER: usize = 3;
pub const HEAD: usize = 2;

/// The prompt of the third lesson.
const EMAIL: &str =
    "Write an email apologizing to Sarah for the tragic gardening mishap. Explain how it happened.";

/// The command line's results.
pub struct Wanted {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// The sequence.
    pub ids: Vec<u32>,
    pub tokenize: Value,
    pub next: Value,
    pub attention: Value,
    pub summary: Value,
    pub lens: Value,
    pub ablate: Value,
    pub inspect: Value,
    pub race: Value,
    pub compare: Value,
    /// Tokens of the prompt of the third lesson.
    pub email: usize,
    /// What follows the prompt of the fifth.
    pub france: Value,
    trace: Vec<u8>,
}

impl Wanted {
    /// Continues `prompt`, and asks everything about the whole.
    pub fn of(prompt: &str, new_tokens: usize) -> Self {
        let generated = native::generate(prompt, new_tokens);
        let ids = [&generated.prompt_ids[..], &generated.ids].concat();
        let text = |ids: &[u32]| {
            let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
            ids.join(",")
        };
        let whole = text(&ids);
        let before_last = text(&ids[..ids.len() - 1]);
        let (layer, head) = (LAYER.to_string(), HEAD.to_string());
        let switched = format!("{LAYER}.{HEAD}");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panels.safetensors");
        let taps = "hidden_states,q,k";
        native::output(&[
            "trace",
            "--ids",
            &whole,
            "--tap",
            taps,
            "--out",
            file.to_str().unwrap(),
        ]);
        let of_whole = |command: &[&str], more: &[&str]| {
            native::run([command, &["--ids", &whole], more].concat().as_slice())
        };
        Self {
            prompt: generated.prompt_ids.len(),
            tokenize: native::run(&["tokenize", prompt]),
            next: native::run(&["next", "--ids", &before_last, "--top", "20"]),
            attention: of_whole(&["attention"], &["--layer", &layer, "--head", &head]),
            summary: of_whole(&["attention"], &["--summary"]),
            lens: of_whole(&["lens"], &[]),
            ablate: of_whole(&["ablate"], &["--head", &switched]),
            inspect: native::run(&["inspect"]),
            compare: native::run(&["compare", prompt, "--max-new-tokens", &COMPARED.to_string()]),
            email: native::run::<Value>(&["tokenize", EMAIL])["tokens"]
                .as_array()
                .unwrap()
                .len(),
            france: native::run(&["next", "The capital of France is"]),
            race: of_whole(&["race"], &["--max-new-tokens", "2"]),
            trace: std::fs::read(file).unwrap(),
            ids,
        }
    }

    /// One row of a tensor: `width` values at `row`.
    pub fn row(&self, tensor: &str, row: usize, width: usize) -> Vec<f64> {
        let tensors = SafeTensors::deserialize(&self.trace).unwrap();
        let tensor = tensors.tensor(tensor).unwrap();
        let values = tensor.data().chunks_exact(4);
        let values = values.map(|it| f32::from_le_bytes(it.try_into().unwrap()));
        values
            .skip(row * width)
            .take(width)
            .map(f64::from)
            .collect()
    }
}
