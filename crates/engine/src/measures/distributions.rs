/// ln Σ exp(logit).
#[must_use]
pub fn logsumexp(logits: &[f32]) -> f64 {
    let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits
        .iter()
        .map(|logit| (f64::from(*logit) - highest).exp())
        .sum();
    highest + sum.ln()
}

/// Log-probabilities of logits.
#[must_use]
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let logsumexp = logsumexp(logits);
    let of = |logit: &f32| f64::from(*logit) - logsumexp;
    logits.iter().map(of).collect()
}

/// Kullback-Leibler divergence of two distributions in nats, Σ p (ln p − ln q): the extra surprisal of `other` under
/// `reference`. Both are logits of the same vocabulary.
#[must_use]
pub fn kl_divergence(reference: &[f32], other: &[f32]) -> f64 {
    let (p, q) = (log_softmax(reference), log_softmax(other));
    let sum: f64 = p.iter().zip(q).map(|(p, q)| p.exp() * (p - q)).sum();
    // Rounding can make a tiny sum negative.
    sum.max(0.0)
}

/// The first id with the highest logit; `None` without logits.
#[must_use]
pub fn best(logits: &[f32]) -> Option<u32> {
    let ids = (0..).zip(logits);
    ids.max_by(|(i, a), (j, b)| a.total_cmp(b).then(j.cmp(i)))
        .map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_softmax_is_that_of_the_textbook() {
        let probabilities = [0.5, 0.25, 0.25_f64];
        // Adding a constant to all logits changes nothing.
        let logits = probabilities.map(|p| (p.ln() + 700.0) as f32);
        for (found, p) in log_softmax(&logits).iter().zip(probabilities) {
            assert!((found - p.ln()).abs() < 1e-4, "{found} {p}");
        }
    }

    #[test]
    fn kl_is_nothing_for_equals_and_one_way() {
        let p = [2.0_f32.ln(), 0.0, 0.0];
        let q = [0.0_f32; 3];
        assert_eq!(kl_divergence(&p, &p), 0.0);
        // ½ ln(3/2) + 2 · ¼ ln(3/4), and ⅓ ln(2/3) + 2 · ⅓ ln(4/3).
        let forth = 0.5 * 1.5_f64.ln() + 0.5 * 0.75_f64.ln();
        let back = (2.0 / 3.0_f64).ln() / 3.0 + 2.0 / 3.0 * (4.0 / 3.0_f64).ln();
        assert!((kl_divergence(&p, &q) - forth).abs() < 1e-7);
        assert!((kl_divergence(&q, &p) - back).abs() < 1e-7);
        assert!((forth - back).abs() > 1e-3);
    }

    #[test]
    fn the_first_of_equals_is_best() {
        assert_eq!(best(&[1.0, 3.0, 3.0, 2.0]), Some(1));
        assert_eq!(best(&[]), None);
    }
}
