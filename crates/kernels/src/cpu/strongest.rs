/// The `k` values of a row that are farthest from 0, with their places, the farthest first; of
/// equal ones the lowest place.
#[must_use]
pub fn strongest(x: &[f32], k: usize) -> Vec<(f32, u32)> {
    let mut all: Vec<(f32, u32)> = x.iter().copied().zip(0..).collect();
    all.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all
}
