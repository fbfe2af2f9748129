//! What several methods and filters do with a text.

/// `str.isspace` of one character.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)
}

/// A text of at least `to` characters.
pub fn pad(this: &str, to: usize, fill: char, side: &str) -> String {
    let missing = to.saturating_sub(this.chars().count());
    let left = match side {
        "ljust" => 0,
        "rjust" => missing,
        // As CPython rounds it.
        _ => missing / 2 + (missing & to & 1),
    };
    let fill = |count: usize| fill.to_string().repeat(count);
    fill(left) + this + &fill(missing - left)
}

/// The lines of a text, with Python's line ends.
pub fn split_lines(this: &str, keep: bool) -> Vec<&str> {
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{1C}'
                ..='\u{1E}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = this;
    while !rest.is_empty() {
        let at = rest.find(is_end).unwrap_or(rest.len());
        let ending = match rest[at..].chars().next() {
            Some('\r') if rest[at..].starts_with("\r\n") => 2,
            Some(c) => c.len_utf8(),
            None => 0,
        };
        lines.push(if keep {
            &rest[..at + ending]
        } else {
            &rest[..at]
        });
        rest = &rest[at + ending..];
    }
    lines
}

/// `str.capitalize`.
pub fn capitalize(this: &str) -> String {
    let mut chars = this.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase(),
        None => String::new(),
    }
}
