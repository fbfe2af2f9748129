//! Token ids typed as text.

/// Parses ids such as `1, 450 7483` or `[1, 450, 7483]`.
///
/// # Errors
/// Returns the first word that is not a token id.
pub fn parse(text: &str) -> Result<Vec<u32>, String> {
    text.split(|it: char| it.is_whitespace() || ",;[]()".contains(it))
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().map_err(|_| word.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_however_they_are_separated() {
        assert_eq!(parse("1, 450 7483\n310"), Ok(vec![1, 450, 7483, 310]));
        assert_eq!(parse("[504,3575]"), Ok(vec![504, 3575]));
        assert_eq!(parse("1 two"), Err("two".to_owned()));
        assert_eq!(parse("-1"), Err("-1".to_owned()));
        assert_eq!(parse("4294967296"), Err("4294967296".to_owned()));
    }
}
