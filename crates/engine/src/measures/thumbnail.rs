/// A thumbnail of a matrix of probabilities, (n, n): (side, side) cells of 8 bits, each the highest probability that
/// it covers; 255 is 1. `side` is from 1 to `n`.
#[must_use]
pub fn max_pool(probabilities: &[f32], n: usize, side: usize) -> Vec<u8> {
    let side = side.clamp(1, n.max(1));
    let mut cells = vec![0; side * side];
    for (i, row) in probabilities.chunks_exact(n.max(1)).enumerate() {
        // The cell of i: the last one whose first row, rounded down, is not after i.
        let cell_of = |at: usize| ((at + 1) * side - 1) / n;
        for (j, probability) in row.iter().enumerate() {
            let cell = &mut cells[cell_of(i) * side + cell_of(j)];
            let level = (probability.clamp(0.0, 1.0) * 255.0).round() as u8;
            *cell = level.max(*cell);
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::max_pool;

    #[test]
    fn as_many_cells_as_positions_keep_each_value() {
        let matrix = [1.0, 0.0, 0.25, 0.75];
        assert_eq!(max_pool(&matrix, 2, 2), [255, 0, 64, 191]);
    }

    #[test]
    fn a_cell_has_the_highest_of_what_falls_into_it() {
        let mut matrix = vec![0.1; 25];
        matrix[4 * 5] = 1.0;
        matrix[5 + 1] = 0.6;
        // The first of two cells has rows 0 and 1, the second rows 2 to 4.
        assert_eq!(max_pool(&matrix, 5, 2), [153, 26, 255, 26]);
        assert_eq!(max_pool(&matrix, 5, 1), [255]);
    }

    #[test]
    fn every_position_has_a_cell_and_every_cell_a_position() {
        for n in 1..40 {
            for side in 1..=n {
                let ones = vec![1.0; n * n];
                assert!(max_pool(&ones, n, side).iter().all(|cell| *cell == 255));
            }
        }
    }
}
