/// `x` is (tokens, width) and begins at `first_position`; `values[i]` go to position
/// `positions[i]`, from `from` on.
#[must_use]
pub fn patch(
    x: &[f32],
    width: usize,
    first_position: usize,
    from: usize,
    positions: &[usize],
    values: &[Vec<f32>],
) -> Vec<f32> {
    let mut y = x.to_vec();
    for (position, values) in positions.iter().zip(values) {
        let row = position.checked_sub(first_position);
        if let Some(row) = row.filter(|row| row * width < x.len()) {
            let start = row * width + from;
            y[start..start + values.len()].copy_from_slice(values);
        }
    }
    y
}
