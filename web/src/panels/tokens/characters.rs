//! Groups of tokens that form a character.

use std::ops::Range;

/// Groups of tokens that end at the end of a character: one token, or several that share a character.
pub fn groups<'a>(tokens: impl Iterator<Item = &'a [u8]>) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<u8> = Vec::new();
    for (index, bytes) in tokens.enumerate() {
        let goes_on = !open.is_empty() && bytes.first().is_some_and(|it| it & 0xC0 == 0x80);
        match groups.last_mut() {
            Some(last) if goes_on => last.end = index + 1,
            _ => {
                open.clear();
                groups.push(index..index + 1);
            }
        }
        open.extend_from_slice(bytes);
        // Complete or invalid characters end a group.
        let waits = std::str::from_utf8(&open).is_err_and(|error| error.error_len().is_none());
        if !waits {
            open.clear();
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn parts_of_a_character_stay_together() {
        let of = |tokens: &[&[u8]]| groups(tokens.iter().copied());
        let smile = "😀".as_bytes();
        assert_eq!(of(&[b"a", b" b"]), [0..1, 1..2]);
        assert_eq!(of(&[&smile[..2], &smile[2..], b"x"]), [0..2, 2..3]);
        assert_eq!(
            of(&[b" ", &smile[..1], &smile[1..3], &smile[3..]]),
            [0..1, 1..4]
        );
        // Invalid bytes do not form a group.
        assert_eq!(of(&[&smile[..2], b"x"]), [0..1, 1..2]);
        assert_eq!(of(&[&[0x80], &[0x80]]), [0..1, 1..2]);
        assert!(of(&[]).is_empty());
    }
}
