/// `x` is (tokens, n) with n = `weight.len()`; so is the result.
#[must_use]
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let n = weight.len();
    let mut y = Vec::new();
    for x in x.chunks_exact(n) {
        let mean = x.iter().map(|x| x * x).sum::<f32>() / n as f32;
        let scale = 1.0 / (mean + eps).sqrt();
        y.extend(x.iter().zip(weight).map(|(x, weight)| x * scale * weight));
    }
    y
}
