//! Small models of every architecture and variant against transformers: Hugging Face folders
//! (`tests/reference/make_architectures.py`) and GGUF files (`tests/reference/make_gguf.py`).

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod fixture;
mod folders;
mod gguf;
mod kv_dtype;
mod packed;
mod refused;
mod textures;
mod tilings;
