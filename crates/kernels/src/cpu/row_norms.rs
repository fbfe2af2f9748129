/// The length of each row of `n` values, and of its difference from the row before.
#[must_use]
pub fn row_norms(x: &[f32], n: usize) -> Vec<[f32; 2]> {
    let length = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>().sqrt();
    let rows: Vec<&[f32]> = x.chunks_exact(n).collect();
    let of_row = |index: usize| {
        let row = rows[index];
        let change = match index.checked_sub(1) {
            None => 0.0,
            Some(before) => length(&mut row.iter().zip(rows[before]).map(|(a, b)| a - b)),
        };
        [length(&mut row.iter().copied()), change]
    };
    (0..rows.len()).map(of_row).collect()
}
