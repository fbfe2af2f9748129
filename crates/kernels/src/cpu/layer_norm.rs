/// `x` is (tokens, n) with n = `weight.len()`; so is the result. Sums in f64.
#[must_use]
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f32) -> Vec<f32> {
    let n = weight.len();
    let mut y = Vec::new();
    for x in x.chunks_exact(n) {
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let mean = x.iter().sum::<f64>() / n as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        let scale = 1.0 / (variance + f64::from(eps)).sqrt();
        let factors = weight.iter().zip(bias);
        y.extend(x.iter().zip(factors).map(|(x, (weight, bias))| {
            ((x - mean) * scale * f64::from(*weight) + f64::from(*bias)) as f32
        }));
    }
    y
}
