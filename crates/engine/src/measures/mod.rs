//! Metrics of the model's tensors, as pure functions.

mod distributions;
mod flops;
mod heads;
mod lens;
mod restoration;
mod thumbnail;

pub use distributions::{best, kl_divergence, log_softmax, logsumexp};
pub use flops::step_flops;
pub use heads::{HeadScores, head_scores};
pub use lens::leads_from;
pub use restoration::{LogitDifference, restoration};
pub use thumbnail::max_pool;
