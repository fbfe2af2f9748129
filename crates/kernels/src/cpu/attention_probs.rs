/// The probabilities of causal grouped-query attention, (tokens, heads, positions); 0 for keys that a query does not
/// see.
///
/// `q` is (tokens, heads, head_dim), `k` is (positions, kv_heads, head_dim); token t is at position
/// `first_position` + t and sees the last `window` positions, its own included.
#[must_use]
pub fn attention_probs(
    q: &[f32],
    k: &[f32],
    [heads, kv_heads, head_dim]: [usize; 3],
    first_position: usize,
    window: usize,
    scale: f32,
) -> Vec<f32> {
    let positions = k.len() / (kv_heads * head_dim);
    let mut probs = Vec::new();
    for (index, q) in q.chunks_exact(head_dim).enumerate() {
        let (token, head) = (index / heads, index % heads);
        let kv_head = head / (heads / kv_heads);
        let last = first_position + token;
        let seen = (last + 1).saturating_sub(window)..=last;
        let score = |position: usize| {
            let start = (position * kv_heads + kv_head) * head_dim;
            let k = &k[start..start + head_dim];
            q.iter().zip(k).map(|(q, k)| q * k).sum::<f32>() * scale
        };
        let highest = seen.clone().map(score).fold(f32::MIN, f32::max);
        let total: f32 = seen.clone().map(|at| (score(at) - highest).exp()).sum();
        probs.extend((0..positions).map(|at| match seen.contains(&at) {
            true => (score(at) - highest).exp() / total,
            false => 0.0,
        }));
    }
    probs
}
