//! Each kernel on the GPU against its CPU twin, at awkward sizes.
//!
//! Every test has a negative control: the twin on slightly wrong input must be told apart.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod argmax;
mod attention;
mod embed;
mod matmul;
mod rms_norm;
mod rope_kv_append;
mod silu_mul;
mod support;
mod top_k;
