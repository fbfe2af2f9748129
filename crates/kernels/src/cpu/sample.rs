use vitrine_sampling::{Counts, Drawn, Pipeline, SamplingParams};

/// The token drawn for `position`, as `vitrine_sampling` does it.
#[must_use]
pub fn sample(logits: &[f32], counts: &Counts, params: &SamplingParams, position: u32) -> Drawn {
    Pipeline::new(logits, counts, params).draw(position)
}
