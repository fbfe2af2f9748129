//! Sampling against transformers' logits processors (`tests/reference/make_sampling.py`), against the
//! probabilities that it says it draws by, and in a whole model.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

mod chance;
mod defaults;
mod golden;
mod gpu;
mod model;
