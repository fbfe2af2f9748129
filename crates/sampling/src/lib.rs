//! From logits to a drawn token: penalties → ÷ temperature → top-k → top-p → min-p → the draw.
//!
//! Order and meaning are those of transformers' logits processors. This is the definition that the command line, the
//! page and the tests share; `shaders/sample.wgsl` computes the same on the GPU, with the same integers, so that both
//! choose the same tokens.

mod counts;
mod mass;
mod params;
mod philox;
mod pipeline;

pub use counts::{Counts, IN_PROMPT};
pub use mass::{key, mass};
pub use params::{ParamsError, SamplingDefaults, SamplingParams};
pub use philox::{draw_word, philox};
pub use pipeline::{Drawn, Filter, Pipeline, Stage};
