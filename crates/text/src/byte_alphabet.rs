//! The alphabet of byte-level BPE: one character for each byte.

/// The byte that a character of the alphabet represents.
fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => u8::try_from(code).ok(),
        // The other 68 bytes, in order, start at U+0100.
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(),
        0x143 => Some(0xAD),
        _ => None,
    }
}

/// The bytes of a token; `None` if it contains a character outside the alphabet.
pub(crate) fn bytes_of(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

#[cfg(test)]
mod tests {
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    use super::*;

    #[test]
    fn every_byte_has_one_character_of_the_alphabet() {
        let alphabet = ByteLevel::alphabet();
        let mut bytes: Vec<u8> = alphabet.into_iter().filter_map(byte_of).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn known_characters() {
        assert_eq!(bytes_of("ĠaĊ"), Some(b" a\n".to_vec()));
        assert_eq!(bytes_of("ĉÄłŃ"), Some(vec![b'\t', 0xC4, 0xA0, 0xAD]));
    }

    #[test]
    fn other_characters_have_no_byte() {
        for outside in [" ", "\n", "\u{AD}", "\u{144}", "🙂"] {
            assert_eq!(bytes_of(outside), None, "{outside:?}");
        }
    }
}
