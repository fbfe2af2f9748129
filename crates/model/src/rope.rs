/// theta^(-2i / head_dim) for i = 0 … head_dim / 2 - 1 (arXiv 2104.09864; transformers'
/// `compute_default_rope_parameters`).
pub fn inv_freq(theta: f32, head_dim: u32) -> Vec<f32> {
    (0..head_dim / 2)
        .map(|i| {
            let exponent = (2 * i) as f32 / head_dim as f32;
            (1.0 / f64::from(theta).powf(f64::from(exponent))) as f32
        })
        .collect()
}
