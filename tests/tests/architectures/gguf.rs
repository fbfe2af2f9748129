//! GGUF files as llama.cpp's converter writes them.

use crate::fixture::{Fixture, load};

fn check(name: &str) {
    let fixture = Fixture::read("gguf", name);
    fixture.check(&mut load(fixture.files()));
}

crate::fixtures! {
    "gguf", check,
    gemma3: "gemma3",
    gemma3_old: "gemma3-old",
    gpt2: "gpt2",
    llama: "llama",
    llama_linear: "llama-linear",
    llama_llama3: "llama-llama3",
    mistral: "mistral",
    phi3: "phi3",
    phi3_longrope: "phi3-longrope",
    phi3_window: "phi3-window",
    qwen2: "qwen2",
    qwen3: "qwen3",
}
