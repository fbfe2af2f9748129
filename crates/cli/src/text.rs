//! Text graphics.

use std::io::{self, IsTerminal, Write, stdout};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use vitrine_protocol::{Candidate, TokenPiece};

/// A bar of at most `cells` cells, in eighths of a cell.
pub fn bar(share: f64, cells: u32) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * f64::from(cells) * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A token in quotes, with visible spaces and line breaks; its bytes if it is a part of a character, and its id
/// without a tokenizer.
pub fn token(piece: &TokenPiece) -> String {
    name(piece.token.as_deref(), &piece.bytes, piece.id, |text| {
        format!("{text:?}")
    })
}

/// As [`token`].
pub fn candidate(candidate: &Candidate) -> String {
    let Candidate {
        id, token, bytes, ..
    } = candidate;
    name(token.as_deref(), bytes, *id, |text| format!("{text:?}"))
}

/// A token without quotes: spaces as ␣, line breaks as ↵.
pub fn bare(piece: &TokenPiece) -> String {
    name(piece.token.as_deref(), &piece.bytes, piece.id, visible)
}

/// As [`bare`].
pub fn bare_candidate(candidate: &Candidate) -> String {
    let Candidate {
        id, token, bytes, ..
    } = candidate;
    name(token.as_deref(), bytes, *id, visible)
}

fn name(text: Option<&str>, bytes: &[u8], id: u32, whole: impl FnOnce(&str) -> String) -> String {
    match text {
        None => format!("#{id}"),
        Some(_) if std::str::from_utf8(bytes).is_err() => {
            let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("<{}>", bytes.join(" "))
        }
        Some(text) => whole(text),
    }
}

fn visible(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            ' ' => '␣',
            '\n' => '↵',
            letter if letter.is_control() => '·',
            letter => letter,
        })
        .collect()
}

/// A text truncated or padded to this many terminal cells.
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

/// The first of the last columns that fit a line of the terminal in addition to `others` cells; prints a note if
/// columns are left out. Without a terminal all columns are printed.
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
    fn parts_of_characters_are_shown_as_bytes() {
        let piece = |text: Option<&str>, bytes: &[u8]| TokenPiece {
            id: 7,
            token: text.map(str::to_owned),
            bytes: bytes.to_vec(),
            special: false,
        };
        assert_eq!(token(&piece(Some(" a\n"), b" a\n")), "\" a\\n\"");
        assert_eq!(bare(&piece(Some(" a\n"), b" a\n")), "␣a↵");
        assert_eq!(bare(&piece(Some("\u{fffd}"), &[0xE4, 0xBD])), "<E4 BD>");
        assert_eq!(token(&piece(None, &[])), "#7");
    }

    #[test]
    fn texts_fit_their_cells() {
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("你好世界", 4), "你… ");
        assert_eq!(fit("", 2), "  ");
    }
}
