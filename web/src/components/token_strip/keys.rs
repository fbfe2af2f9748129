/// The effect of a key on the selection: `Some(Some(position))` selects, `Some(None)` clears, `None` keeps it.
/// `current` is the chip that has the focus.
pub fn change(key: &str, current: Option<u32>, count: u32) -> Option<Option<u32>> {
    let last = count.checked_sub(1)?;
    let current = current.unwrap_or(last);
    match key {
        "ArrowLeft" | "ArrowUp" => Some(Some(current.saturating_sub(1))),
        "ArrowRight" | "ArrowDown" => Some(Some((current + 1).min(last))),
        "Home" => Some(Some(0)),
        "End" => Some(Some(last)),
        "Enter" | " " => Some(Some(current)),
        "Escape" => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn the_selection_stays_on_the_strip() {
        assert_eq!(change("ArrowLeft", Some(0), 3), Some(Some(0)));
        assert_eq!(change("ArrowRight", Some(0), 3), Some(Some(1)));
        assert_eq!(change("ArrowRight", Some(2), 3), Some(Some(2)));
        assert_eq!(change("Home", Some(2), 3), Some(Some(0)));
        assert_eq!(change("End", Some(0), 3), Some(Some(2)));
        assert_eq!(change("Escape", Some(1), 3), Some(None));
        assert_eq!(change("a", Some(1), 3), None);
        assert_eq!(change("End", None, 0), None);
    }
}
