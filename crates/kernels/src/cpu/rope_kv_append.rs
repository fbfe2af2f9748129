/// Rotates the first 2 · `inv_freq.len()` values of one head at `position` (`rotate_half` of
/// transformers): the angle is the f32 product of position and `inv_freq`.
pub fn rotate(head: &mut [f32], inv_freq: &[f32], position: u32) {
    let half = inv_freq.len();
    for (i, inv_freq) in inv_freq.iter().enumerate() {
        let (sin, cos) = (position as f32 * inv_freq).sin_cos();
        let (a, b) = (head[i], head[i + half]);
        head[i] = a * cos - b * sin;
        head[i + half] = b * cos + a * sin;
    }
}
