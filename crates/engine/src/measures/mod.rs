//! What is computed from tensors of the model: pure functions of numbers, the same for every host.

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
