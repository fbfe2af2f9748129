// In the browser this file takes the place of `lookups.rs` of `unicode-normalization-alignments`.

use packed::Tables;
use std::sync::OnceLock;

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Tables::read(include_bytes!("tables.bin")))
}

/// The canonical combining class.
pub fn canonical_combining_class(c: char) -> u8 {
    tables().class(c)
}

/// Whether the general category is Mark.
pub fn is_combining_mark(c: char) -> bool {
    tables().is_mark(c)
}

pub fn composition_table(first: char, second: char) -> Option<char> {
    tables().composition(first, second)
}

pub fn canonical_fully_decomposed(c: char) -> Option<&'static [char]> {
    tables().canonical(c)
}

pub fn compatibility_fully_decomposed(c: char) -> Option<&'static [char]> {
    tables().compatible(c)
}

/// How many characters that combine end the compatibility decomposition.
pub fn stream_safe_trailing_nonstarters(c: char) -> usize {
    let whole = [c];
    compatibility_fully_decomposed(c)
        .or_else(|| canonical_fully_decomposed(c))
        .unwrap_or(&whole)
        .iter()
        .rev()
        .take_while(|part| canonical_combining_class(**part) != 0)
        .count()
}
