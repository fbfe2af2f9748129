/// Causal grouped-query attention.
///
/// `q` is (tokens, heads, head_dim), `k` and `v` are (positions, kv_heads, head_dim); token t is
/// at position `first_position` + t and sees the last `window` positions, its own included. The
/// result is (tokens, heads, head_dim).
#[must_use]
pub fn attention(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    [heads, kv_heads, head_dim]: [usize; 3],
    first_position: usize,
    window: usize,
    scale: f32,
) -> Vec<f32> {
    let mut out = Vec::new();
    for (index, q) in q.chunks_exact(head_dim).enumerate() {
        let (token, head) = (index / heads, index % heads);
        let kv_head = head / (heads / kv_heads);
        let row = |cache: &[f32], position: usize| -> Vec<f32> {
            let start = (position * kv_heads + kv_head) * head_dim;
            cache[start..start + head_dim].to_vec()
        };
        let last = first_position + token;
        let positions = (last + 1).saturating_sub(window)..=last;
        let scores: Vec<f32> = positions
            .clone()
            .map(|position| {
                q.iter()
                    .zip(row(k, position))
                    .map(|(q, k)| q * k)
                    .sum::<f32>()
                    * scale
            })
            .collect();
        let highest = scores.iter().copied().fold(f32::MIN, f32::max);
        let weights: Vec<f32> = scores.iter().map(|score| (score - highest).exp()).collect();
        let total: f32 = weights.iter().sum();
        let mut mix = vec![0.0; head_dim];
        for (position, weight) in positions.zip(weights) {
            for (mix, value) in mix.iter_mut().zip(row(v, position)) {
                *mix += weight / total * value;
            }
        }
        out.extend(mix);
    }
    out
}
