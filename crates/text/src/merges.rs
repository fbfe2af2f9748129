//! Checks of merges without which the `tokenizers` crate would panic.

use std::collections::HashSet;

use crate::TextError;

/// Splits `"a b"` at the space. Skips the first character, because a token may start with a space.
pub(crate) fn parse(merge: &str) -> Result<(String, String), TextError> {
    let space = merge
        .char_indices()
        .skip(1)
        .find(|(_, character)| *character == ' ');
    match space.map(|(at, _)| (&merge[..at], &merge[at + 1..])) {
        Some((left, right)) if !right.is_empty() => Ok((left.to_owned(), right.to_owned())),
        _ => Err(TextError::Damaged(format!(
            "the merge `{merge}` is not a pair of tokens"
        ))),
    }
}

/// Checks that the parts and the result of each merge are in the vocabulary.
pub(crate) fn check<'a>(
    vocabulary: &HashSet<&str>,
    merges: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), TextError> {
    for (left, right) in merges {
        let whole = format!("{left}{right}");
        if let Some(missing) = [left, right, &whole]
            .into_iter()
            .find(|token| !vocabulary.contains(token))
        {
            return Err(TextError::Damaged(format!(
                "the merge `{left} {right}` needs the token `{missing}`, which is not in the vocabulary"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_at_the_space() {
        assert_eq!(parse("Ġ t"), Ok(("Ġ".to_owned(), "t".to_owned())));
        assert_eq!(parse("  b"), Ok((" ".to_owned(), "b".to_owned())));
    }

    #[test]
    fn what_is_not_a_pair_is_refused() {
        for merge in ["", "a", "a ", " ", "ab"] {
            assert!(
                matches!(parse(merge), Err(TextError::Damaged(_))),
                "{merge:?}"
            );
        }
    }

    #[test]
    fn a_merge_needs_its_parts_and_its_whole() {
        let vocabulary = HashSet::from(["a", "b", "ab"]);
        assert_eq!(check(&vocabulary, [("a", "b")].into_iter()), Ok(()));
        for pair in [("a", "c"), ("c", "b"), ("b", "a")] {
            assert!(check(&vocabulary, [pair].into_iter()).is_err(), "{pair:?}");
        }
    }
}
