use crate::{LOGIT_BIN, LOGIT_BINS};

/// The entropy of softmax(logits) in nats, and how many tokens are how surprising.
#[must_use]
pub fn logit_stats(logits: &[f32]) -> (f32, Vec<u32>) {
    let highest = logits.iter().copied().fold(f32::MIN, f32::max);
    let total: f64 = logits.iter().map(|x| f64::from(x - highest).exp()).sum();
    let mut entropy = 0.0;
    let mut counts = vec![0; LOGIT_BINS];
    for logit in logits {
        let log_p = f64::from(logit - highest) - total.ln();
        entropy -= log_p.exp() * log_p;
        let bin = (-log_p / f64::from(LOGIT_BIN)) as usize;
        counts[bin.min(LOGIT_BINS - 1)] += 1;
    }
    (entropy as f32, counts)
}
