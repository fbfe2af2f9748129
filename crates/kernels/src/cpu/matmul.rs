/// `w` is (rows, k), `x` (tokens, k); the result (tokens, rows). Sums in f64.
#[must_use]
pub fn matmul(w: &[f32], x: &[f32], k: usize) -> Vec<f32> {
    let mut y = Vec::new();
    for x in x.chunks_exact(k) {
        for w in w.chunks_exact(k) {
            let sum: f64 = w
                .iter()
                .zip(x)
                .map(|(w, x)| f64::from(*w) * f64::from(*x))
                .sum();
            y.push(sum as f32);
        }
    }
    y
}
