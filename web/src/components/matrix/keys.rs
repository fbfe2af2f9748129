/// Number of rows that Page Up and Page Down move by.
const PAGE: u32 = 8;

/// A cell: row and column.
pub type Cell = (u32, u32);

/// The cell to which a key moves the cursor in a grid of `size` rows and columns; `None` for other keys.
pub fn moved(key: &str, control: bool, (row, column): Cell, (rows, columns): Cell) -> Option<Cell> {
    let (last_row, last_column) = (rows.checked_sub(1)?, columns.checked_sub(1)?);
    let (row, column) = (row.min(last_row), column.min(last_column));
    match key {
        "ArrowLeft" => Some((row, column.saturating_sub(1))),
        "ArrowRight" => Some((row, (column + 1).min(last_column))),
        "ArrowUp" => Some((row.saturating_sub(1), column)),
        "ArrowDown" => Some(((row + 1).min(last_row), column)),
        "Home" if control => Some((0, 0)),
        "End" if control => Some((last_row, last_column)),
        "Home" => Some((row, 0)),
        "End" => Some((row, last_column)),
        "PageUp" => Some((row.saturating_sub(PAGE), column)),
        "PageDown" => Some(((row + PAGE).min(last_row), column)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn the_cursor_stays_in_the_grid() {
        let size = (3, 4);
        assert_eq!(moved("ArrowLeft", false, (1, 0), size), Some((1, 0)));
        assert_eq!(moved("ArrowRight", false, (1, 3), size), Some((1, 3)));
        assert_eq!(moved("ArrowDown", false, (1, 3), size), Some((2, 3)));
        assert_eq!(moved("ArrowUp", false, (9, 9), size), Some((1, 3)));
        assert_eq!(moved("End", false, (1, 1), size), Some((1, 3)));
        assert_eq!(moved("End", true, (1, 1), size), Some((2, 3)));
        assert_eq!(moved("PageUp", false, (2, 1), size), Some((0, 1)));
        assert_eq!(moved("PageDown", false, (0, 0), (30, 4)), Some((8, 0)));
        assert_eq!(moved("PageDown", false, (1, 1), size), Some((2, 1)));
        assert_eq!(moved("x", false, (1, 1), size), None);
        assert_eq!(moved("End", false, (0, 0), (0, 4)), None);
    }
}
