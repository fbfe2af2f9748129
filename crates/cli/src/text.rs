//! Small drawings made of characters.

/// A bar of at most `cells` cells, in eighths of a cell.
pub fn bar(share: f64, cells: u32) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * f64::from(cells) * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_grow_with_the_share() {
        assert_eq!(bar(1.0, 40).chars().count(), 40);
        assert_eq!(bar(0.5, 40).chars().count(), 20);
        assert_eq!(bar(0.0, 40), "");
        assert_eq!(bar(1.0 / 320.0, 40), "▏");
    }
}
