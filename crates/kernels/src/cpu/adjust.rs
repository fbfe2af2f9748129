/// `x` is (tokens, n) with n = `factor.len()`; so is the result.
#[must_use]
pub fn adjust(x: &[f32], factor: &[f32], offset: &[f32]) -> Vec<f32> {
    let changed = |x: &[f32]| -> Vec<f32> {
        let pairs = factor.iter().zip(offset);
        x.iter()
            .zip(pairs)
            .map(|(x, (factor, offset))| x * factor + offset)
            .collect()
    };
    x.chunks_exact(factor.len()).flat_map(changed).collect()
}
