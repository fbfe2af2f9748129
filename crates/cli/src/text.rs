//! Small drawings made of characters.

use std::io::{self, IsTerminal, Write, stdout};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use vitrine_protocol::TokenPiece;

/// A bar of at most `cells` cells, in eighths of a cell.
pub fn bar(share: f64, cells: u32) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * f64::from(cells) * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A token in quotes, with spaces and line breaks visible; its id without a tokenizer.
pub fn token(piece: &TokenPiece) -> String {
    named(piece.token.as_deref(), piece.id)
}

/// A token's text in quotes; its id without a text.
pub fn named(text: Option<&str>, id: u32) -> String {
    text.map_or_else(|| format!("#{id}"), |text| format!("{text:?}"))
}

/// A token without quotes: spaces as ␣, line breaks as ↵.
pub fn bare(piece: &TokenPiece) -> String {
    bare_text(piece.token.as_deref(), piece.id)
}

/// As [`bare`].
pub fn bare_text(text: Option<&str>, id: u32) -> String {
    text.map_or_else(
        || format!("#{id}"),
        |text| {
            text.chars()
                .map(|letter| match letter {
                    ' ' => '␣',
                    '\n' => '↵',
                    letter if letter.is_control() => '·',
                    letter => letter,
                })
                .collect()
        },
    )
}

/// A text cut or filled to so many cells of a terminal.
pub fn fit(text: &str, cells: usize) -> String {
    let mut fitted = String::new();
    let mut width = 0;
    let whole = text.width() <= cells;
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if width + wide > cells - usize::from(!whole) {
            break;
        }
        fitted.push(letter);
        width += wide;
    }
    if !whole {
        fitted.push('…');
        width += 1;
    }
    fitted + &" ".repeat(cells - width)
}

/// The first of so many columns that a line of the terminal has room for, beside the `others` cells
/// of the line; says so where it is not the first of all. Where nobody looks, lines may be long.
pub fn first_shown(
    out: &mut impl Write,
    columns: usize,
    others: usize,
    cells: usize,
) -> io::Result<usize> {
    let Some((width, _)) = terminal_size::terminal_size().filter(|_| stdout().is_terminal()) else {
        return Ok(0);
    };
    let fitting = usize::from(width.0).saturating_sub(others) / cells;
    let first = columns.saturating_sub(fitting.max(1));
    if first > 0 {
        let dim = anstyle::Style::new().dimmed();
        let shown = columns - first;
        writeln!(out, "{dim}the last {shown} of {columns} positions{dim:#}")?;
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_with_the_share() {
        assert_eq!(bar(1.0, 40).chars().count(), 40);
        assert_eq!(bar(0.5, 40).chars().count(), 20);
        assert_eq!(bar(0.0, 40), "");
        assert_eq!(bar(1.0 / 320.0, 40), "▏");
    }

    #[test]
    fn texts_fit_their_cells() {
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("你好世界", 4), "你… ");
        assert_eq!(fit("", 2), "  ");
    }
}
