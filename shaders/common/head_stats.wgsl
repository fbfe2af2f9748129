// How a query head distributed its attention over the keys.
struct HeadStats {
    // The highest score.
    highest: f32,
    // Σ exp(score - highest), from which the probabilities can be computed again.
    total: f32,
    // -Σ p ln p, in nats.
    entropy: f32,
    // The highest probability …
    max_probability: f32,
    // … and the first position that has it.
    argmax: u32,
    // The probability of position 0.
    first_token: f32,
    unused_0: f32,
    unused_1: f32,
}

// `spread` is Σ exp(score - highest) · (score - highest), `first_score` the score of position 0.
fn head_stats(highest: f32, total: f32, spread: f32, best_key: u32, first_score: f32) -> HeadStats {
    let entropy = log(total) - spread / total;
    let first_token = exp(first_score - highest) / total;
    return HeadStats(highest, total, entropy, 1.0 / total, best_key, first_token, 0.0, 0.0);
}
