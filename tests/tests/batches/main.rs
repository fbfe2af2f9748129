//! Several sequences in one cache: batches, and forks that share their common pages.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod generations;
mod sequences;

use std::path::{Path, PathBuf};

fn fixtures(kind: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("fixtures").join(kind)
}

/// Reproducible ids.
fn random_ids(seed: u32, n: u32, vocab: u32) -> Vec<u32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % vocab
    };
    (0..n).map(|_| next()).collect()
}
