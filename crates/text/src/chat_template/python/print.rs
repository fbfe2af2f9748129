//! Values as Python prints them.

use std::fmt::Write as _;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::objects::Range;

/// Maximum nesting that is printed.
const MAX_DEPTH: usize = 50;

/// `str(value)`; an undefined value is the empty text.
pub fn to_str(value: &Value) -> String {
    match (value.as_str(), value.kind()) {
        (Some(text), _) => text.to_owned(),
        (None, ValueKind::Undefined) => String::new(),
        _ => to_repr(value),
    }
}

/// `repr(value)`.
pub fn to_repr(value: &Value) -> String {
    let mut text = String::new();
    write_repr(value, MAX_DEPTH, &mut text);
    text
}

fn write_repr(value: &Value, depth: usize, out: &mut String) {
    if let Some(text) = value.as_str() {
        return quote(text, out);
    }
    if let Some(range) = value.downcast_object_ref::<Range>() {
        out.push_str(&range.repr());
        return;
    }
    match value.kind() {
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number if value.is_integer() => _ = write!(out, "{value}"),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) => out.push_str(&float(number)),
            Err(_) => _ = write!(out, "{value}"),
        },
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if depth == 0 => out.push_str("..."),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter().map(Iterator::collect).unwrap_or_default();
            let (open, close) = match (value.is_tuple(), items.len()) {
                (true, 1) => ('(', ",)"),
                (true, _) => ('(', ")"),
                (false, _) => ('[', "]"),
            };
            out.push(open);
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_repr(item, depth - 1, out);
            }
            out.push_str(close);
        }
        ValueKind::Map => {
            out.push('{');
            for (index, key) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_repr(&key, depth - 1, out);
                out.push_str(": ");
                write_repr(&value.get_item(&key).unwrap_or_default(), depth - 1, out);
            }
            out.push('}');
        }
        _ => _ = write!(out, "{value}"),
    }
}

/// Text in quotes, with Python's escapes.
fn quote(text: &str, out: &mut String) {
    let mark = match text.contains('\'') && !text.contains('"') {
        true => '"',
        false => '\'',
    };
    out.push(mark);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == mark => out.extend(['\\', c]),
            c if (c as u32) < 0x20 || (0x7F..0xA1).contains(&(c as u32)) || c as u32 == 0xAD => {
                _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if matches!(c as u32, 0x2000..=0x200F | 0x2028..=0x202F | 0x205F..=0x206F | 0x3000 | 0xE000..=0xF8FF | 0xFEFF) =>
            {
                _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push(mark);
}

/// `repr` of a float: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
pub fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let text = format!("{number}");
    match text.contains('.') {
        true => text,
        false => text + ".0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_as_in_python() {
        for (number, text) in [
            (1e20, "1e+20"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (0.1, "0.1"),
            (-2.0, "-2.0"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(float(number), text);
        }
    }

    #[test]
    fn texts_are_quoted_as_in_python() {
        let repr = |text: &str| to_repr(&Value::from(text));
        assert_eq!(repr("a'b"), "\"a'b\"");
        assert_eq!(repr("a'b\"c"), "'a\\'b\"c'");
        assert_eq!(repr("a\n\\é\u{1}"), "'a\\n\\\\é\\x01'");
    }
}
