//! Visible forms of a token's bytes: spaces, line breaks, and partial characters.

use vitrine_protocol::TokenPiece;

/// Part of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    /// Text that is shown as it is.
    Text(String),
    /// A mark for an invisible character, such as `␣`.
    Mark(&'static str),
    /// Bytes that are not a complete character, or an invisible character: `⟨F0 9F⟩`, `⟨U+200D⟩`.
    Raw(String),
}

/// Splits a token into visible parts. `text` is used if there are no bytes.
fn visible(bytes: &[u8], text: Option<&str>) -> Vec<Visible> {
    let bytes = if bytes.is_empty() {
        text.unwrap_or_default().as_bytes()
    } else {
        bytes
    };
    let mut stretches = Vec::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_character(&mut stretches, character);
        }
        if !chunk.invalid().is_empty() {
            push_bytes(&mut stretches, chunk.invalid());
        }
    }
    stretches
}

/// The parts shown for a token: its content, or its id if the model has no tokenizer.
pub fn shown(id: u32, bytes: &[u8], text: Option<&str>) -> Vec<Visible> {
    if bytes.is_empty() && text.is_none() {
        vec![Visible::Raw(format!("#{id}"))]
    } else {
        visible(bytes, text)
    }
}

/// The same as a string, for labels.
pub fn shown_text(id: u32, bytes: &[u8], text: Option<&str>) -> String {
    let stretches = shown(id, bytes, text);
    stretches
        .iter()
        .map(|stretch| match stretch {
            Visible::Text(text) | Visible::Raw(text) => text.as_str(),
            Visible::Mark(mark) => mark,
        })
        .collect()
}

/// A token as a label.
pub fn label(piece: &TokenPiece) -> String {
    shown_text(piece.id, &piece.bytes, piece.token.as_deref())
}

/// Shortens a label to at most `length` characters, the last of which is then `…`.
pub fn short(label: &str, length: usize) -> String {
    if label.chars().count() <= length {
        return label.to_owned();
    }
    let kept: String = label.chars().take(length.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn push_character(stretches: &mut Vec<Visible>, character: char) {
    match character {
        ' ' => stretches.push(Visible::Mark("␣")),
        '\n' => stretches.push(Visible::Mark("⏎")),
        '\t' => stretches.push(Visible::Mark("⇥")),
        _ if has_no_ink(character) => {
            // A joiner or selector belongs to the character before it; on its own it would be
            // invisible.
            if is_joiner(character)
                && let Some(Visible::Text(text)) = stretches.last_mut()
            {
                return text.push(character);
            }
            stretches.push(Visible::Raw(format!("⟨U+{:04X}⟩", u32::from(character))));
        }
        _ => match stretches.last_mut() {
            Some(Visible::Text(text)) => text.push(character),
            _ => stretches.push(Visible::Text(character.to_string())),
        },
    }
}

fn push_bytes(stretches: &mut Vec<Visible>, bytes: &[u8]) {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let hex = hex.join(" ");
    // `utf8_chunks` may split invalid bytes; they read better in one bracket.
    if let Some(Visible::Raw(raw)) = stretches.last_mut()
        && !raw.starts_with("⟨U+")
        && let Some(open) = raw.strip_suffix('⟩')
    {
        *raw = format!("{open} {hex}⟩");
    } else {
        stretches.push(Visible::Raw(format!("⟨{hex}⟩")));
    }
}

/// Characters that modify the preceding one: zero-width joiner, variation selectors.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Control characters, joiners, direction marks, selectors, and whitespace.
fn has_no_ink(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(
            character,
            '\u{ad}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_breaks_have_marks() {
        assert_eq!(shown_text(7, b" Paris", None), "␣Paris");
        assert_eq!(shown_text(7, b"a b\n\t", None), "a␣b⏎⇥");
        assert_eq!(shown_text(7, &[], Some(" x")), "␣x");
        assert_eq!(
            shown_text(7, "\u{200d}\r".as_bytes(), None),
            "⟨U+200D⟩⟨U+000D⟩"
        );
    }

    #[test]
    fn without_a_tokenizer_a_token_shows_its_id() {
        assert_eq!(shown_text(7, &[], None), "#7");
        assert_eq!(shown_text(7, &[], Some("")), "");
    }

    #[test]
    fn joiners_stay_with_their_character() {
        let city = "🏙\u{fe0f}";
        assert_eq!(
            visible(city.as_bytes(), None),
            [Visible::Text(city.to_owned())]
        );
        assert_eq!(shown_text(7, "\u{fe0f}".as_bytes(), None), "⟨U+FE0F⟩");
    }

    #[test]
    fn long_labels_are_truncated() {
        assert_eq!(short("␣Paris", 6), "␣Paris");
        assert_eq!(short("␣Parisian", 6), "␣Pari…");
    }

    #[test]
    fn parts_of_characters_show_their_bytes() {
        assert_eq!(shown_text(7, &[0xF0, 0x9F], None), "⟨F0 9F⟩");
        assert_eq!(shown_text(7, &[0x20, 0xF0, 0x9F], None), "␣⟨F0 9F⟩");
        assert_eq!(shown_text(7, &[0x98, 0x80], None), "⟨98 80⟩");
        assert_eq!(shown_text(7, &[0x80, b'a'], None), "⟨80⟩a");
        assert_eq!(shown_text(7, "😀".as_bytes(), None), "😀");
    }
}
