//! Each kernel on the GPU against its CPU twin, at awkward sizes.
//!
//! Every test has a negative control: the twin on slightly wrong input must differ.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod adjust;
mod argmax;
mod attention;
mod attention_probs;
mod bench;
mod coalescing;
mod embed;
mod formats;
mod fused;
mod half;
mod inspection;
mod layer_norm;
mod matmul;
mod mlp_act;
mod packed_x;
mod pages;
mod patch;
mod qk_norm;
mod quantize;
mod quantize_x;
mod rank;
mod rms_norm;
mod rope_kv_append;
mod soft_cap;
mod speed;
mod support;
mod synthesize;
mod timing;
mod top_k;
