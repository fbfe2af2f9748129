//! Activations of the models of `fixtures/architectures`, and the effect of interventions, compared with transformers
//! (`tests/reference/make_inspection.py`).

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod changes;
mod fixture;
mod packets;
mod patching;
mod questions;
mod same_bits;
mod smollm2;
mod taps;
