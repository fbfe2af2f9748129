//! What jinja2's lexer reads otherwise than the template engine's: line ends, string constants, and the line end
//! behind `raw`.

/// A source that the template engine reads as jinja2 reads `source`.
pub fn prepare(source: &str) -> String {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(source.len());
    let mut rest = source.as_str();
    while let Some(at) = rest.find('{') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let length = match tag.as_bytes().get(1) {
            Some(b'#') => tag.find("#}").map_or(tag.len(), |end| end + 2),
            Some(b'{') => inside(tag, "}}", &mut out),
            Some(b'%') => match word(tag) {
                "raw" => raw(tag, &mut out),
                "generation" => scope(tag, "generation", "with", &mut out),
                "endgeneration" => scope(tag, "endgeneration", "endwith", &mut out),
                _ => inside(tag, "%}", &mut out),
            },
            _ => {
                out.push('{');
                1
            }
        };
        if tag.as_bytes().get(1) == Some(&b'#') {
            out.push_str(&tag[..length]);
        }
        rest = &tag[length..];
    }
    out + rest
}

/// The first word of a block tag.
fn word(tag: &str) -> &str {
    let inner = tag[2..].trim_start_matches(['-', '+']).trim_start();
    let end = inner.find(|c: char| !c.is_alphanumeric() && c != '_');
    &inner[..end.unwrap_or(inner.len())]
}

/// Writes `{% generation %}`, which marks an answer for training, as another word. What is set inside of it is not
/// seen outside.
fn scope(tag: &str, word: &str, other: &str, out: &mut String) -> usize {
    let end = tag.find("%}").map_or(tag.len(), |end| end + 2);
    out.push_str(&tag[..end].replacen(word, other, 1));
    end
}

/// Writes a raw block. Behind its opening tag jinja2 keeps a line end, which the engine drops.
fn raw(tag: &str, out: &mut String) -> usize {
    let Some(open) = tag.find("%}").map(|end| end + 2) else {
        out.push_str(tag);
        return tag.len();
    };
    out.push_str(&tag[..open]);
    if tag[open..].starts_with('\n') && !tag[..open].ends_with("-%}") {
        out.push('\n');
    }
    let mut at = open;
    while let Some(next) = tag[at..].find("{%") {
        at += next;
        if word(&tag[at..]) == "endraw" {
            break;
        }
        at += 2;
    }
    let end = match tag[at..].starts_with("{%") {
        true => at,
        false => tag.len(),
    };
    out.push_str(&tag[open..end]);
    // The closing tag is read as any other.
    end
}

/// Writes a tag up to `end`, with its string constants in the engine's form. Returns its length.
fn inside(tag: &str, end: &str, out: &mut String) -> usize {
    let mut at = 2;
    out.push_str(&tag[..2]);
    while at < tag.len() {
        let rest = &tag[at..];
        if rest.starts_with(end) {
            out.push_str(end);
            return at + end.len();
        }
        let Some(first) = rest.chars().next() else {
            break;
        };
        if first != '"' && first != '\'' {
            out.push(first);
            at += first.len_utf8();
            continue;
        }
        let mut escaped = false;
        let close = rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == first && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let Some((close, _)) = close else {
            out.push_str(rest);
            return tag.len();
        };
        out.push(first);
        for c in unescape(&rest[1..close]).chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                c if c == first => out.extend(['\\', c]),
                c => out.push(c),
            }
        }
        out.push(first);
        at += close + 1;
    }
    tag.len()
}

/// A string constant without Python's escapes; what is none stays.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let Some(letter) = after.chars().next() else {
            out.push('\\');
            return out;
        };
        let number = |length: usize, radix: u32, from: usize| {
            let digits = after.get(from..from + length)?;
            let is_digits = digits.chars().all(|c| c.is_digit(radix));
            let code = u32::from_str_radix(digits, radix)
                .ok()
                .filter(|_| is_digits);
            Some((char::from_u32(code?)?, from + length))
        };
        let octal = after
            .bytes()
            .take(3)
            .take_while(|byte| (b'0'..=b'7').contains(byte))
            .count();
        let found = match letter {
            'x' => number(2, 16, 1),
            'u' => number(4, 16, 1),
            'U' => number(8, 16, 1),
            '0'..='7' => number(octal, 8, 0),
            _ => None,
        };
        let (character, used) = match (found, letter) {
            (Some((character, used)), _) => (Some(character), used),
            (None, '\n') => (None, 1),
            (None, letter) => {
                let simple = match letter {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{C}',
                    'v' => '\u{B}',
                    '\\' | '\'' | '"' => letter,
                    _ => {
                        out.push('\\');
                        letter
                    }
                };
                (Some(simple), letter.len_utf8())
            }
        };
        out.extend(character);
        rest = &after[used..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_python() {
        for (text, wanted) in [
            (r"a\/b\d", r"a\/b\d"),
            (r"\x41\u00e9\U0001f600\101", "Aé😀A"),
            (r"\\n\n\'", "\\n\n'"),
            (r"\xZZ\u12", r"\xZZ\u12"),
            ("é\\é\\", "é\\é\\"),
        ] {
            assert_eq!(unescape(text), wanted, "{text}");
        }
    }

    #[test]
    fn only_constants_of_tags_and_line_ends_change() {
        for (source, wanted) in [
            (
                r"a\x41{{ '\x41' }}{# '\x41' #}",
                r"a\x41{{ 'A' }}{# '\x41' #}",
            ),
            ("a\r\nb\rc", "a\nb\nc"),
            ("{{ '}}' }}", "{{ '}}' }}"),
            (r#"{{ "a\"b" }}"#, r#"{{ "a\"b" }}"#),
            (
                "{% raw %}\n{{ '\\x41' }}{% endraw %}",
                "{% raw %}\n\n{{ '\\x41' }}{% endraw %}",
            ),
            (
                "{%- generation -%}a{% endgeneration %}",
                "{%- with -%}a{% endwith %}",
            ),
            ("{ {{ 'x", "{ {{ 'x"),
            ("{% é", "{% é"),
        ] {
            assert_eq!(prepare(source), wanted, "{source}");
        }
    }
}
