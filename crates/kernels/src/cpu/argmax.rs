/// The id of the highest logit (of equal ones the lowest), that logit, and the logsumexp.
#[must_use]
pub fn argmax(logits: &[f32]) -> (u32, f32, f32) {
    let mut best = (0, f32::MIN);
    for (id, &logit) in (0..).zip(logits) {
        if logit > best.1 {
            best = (id, logit);
        }
    }
    let sum: f64 = logits
        .iter()
        .map(|logit| f64::from(logit - best.1).exp())
        .sum();
    (best.0, best.1, best.1 + sum.ln() as f32)
}
