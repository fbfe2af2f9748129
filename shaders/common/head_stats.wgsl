// How a query head spread its attention over the keys.
struct HeadStats {
    // The highest score.
    highest: f32,
    // Σ exp(score - highest): with it the probabilities can be had again.
    total: f32,
    // -Σ p ln p, in nats.
    entropy: f32,
    // The highest probability …
    max_probability: f32,
    // … and the position that has it.
    argmax: u32,
    // The probability of position 0.
    first_token: f32,
    unused_0: f32,
    unused_1: f32,
}
