/// Rows that Page Up and Page Down pass.
const PAGE: u32 = 8;

/// Where a key goes from a cell of a matrix, `None` for other keys. Cells and sizes are (row, column).
pub fn change(key: &str, (row, column): (u32, u32), size: (u32, u32)) -> Option<(u32, u32)> {
    let last_row = size.0.checked_sub(1)?;
    let last_column = size.1.checked_sub(1)?;
    let cell = match key {
        "ArrowLeft" => (row, column.saturating_sub(1)),
        "ArrowRight" => (row, column + 1),
        "ArrowUp" => (row.saturating_sub(1), column),
        "ArrowDown" => (row + 1, column),
        "Home" => (row, 0),
        "End" => (row, last_column),
        "PageUp" => (row.saturating_sub(PAGE), column),
        "PageDown" => (row + PAGE, column),
        _ => return None,
    };
    Some((cell.0.min(last_row), cell.1.min(last_column)))
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn the_cell_stays_in_the_matrix() {
        assert_eq!(change("ArrowLeft", (1, 0), (3, 4)), Some((1, 0)));
        assert_eq!(change("ArrowDown", (2, 1), (3, 4)), Some((2, 1)));
        assert_eq!(change("ArrowRight", (2, 1), (3, 4)), Some((2, 2)));
        assert_eq!(change("End", (0, 0), (3, 4)), Some((0, 3)));
        assert_eq!(change("PageDown", (0, 0), (30, 4)), Some((8, 0)));
        assert_eq!(change("x", (0, 0), (3, 4)), None);
        assert_eq!(change("Home", (0, 0), (0, 0)), None);
    }
}
