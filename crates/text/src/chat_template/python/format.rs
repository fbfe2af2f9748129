//! Python's two ways to format: `%` and `str.format`.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::arguments::wrong;
use super::print::{float, to_repr, to_str};
use super::text::pad;

/// Maximum of widths and precisions.
const MAX_WIDTH: usize = 100_000;

/// How a value is to be written.
#[derive(Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    grouping: Option<char>,
    width: usize,
    precision: Option<usize>,
    kind: Option<char>,
}

/// `format % arguments`, where `arguments` is a tuple, a dictionary or one value.
///
/// # Errors
/// Fails as Python does.
pub fn percent(format: &str, arguments: &Value) -> Result<String, Error> {
    let values: Vec<Value> = match arguments.is_tuple() {
        true => arguments.try_iter()?.collect(),
        false => vec![arguments.clone()],
    };
    let mut values = values.into_iter();
    let mut next = || {
        values
            .next()
            .ok_or_else(|| wrong("not enough arguments for format string"))
    };
    let mut named = false;
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut value = None;
        if chars.next_if_eq(&'(').is_some() {
            let mut name = String::new();
            loop {
                match chars.next() {
                    Some(')') => break,
                    Some(c) => name.push(c),
                    None => return Err(wrong("incomplete format key")),
                }
            }
            named = true;
            value = Some(arguments.get_attr(&name)?);
        }
        let mut spec = Spec::default();
        let mut left = false;
        while let Some(flag) = chars.next_if(|c| "#0- +".contains(*c)) {
            match flag {
                '#' => spec.alternate = true,
                '0' => spec.fill = Some('0'),
                '-' => left = true,
                '+' => spec.sign = Some('+'),
                _ => spec.sign = spec.sign.or(Some(' ')),
            }
        }
        let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut number = 0usize;
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                number = number
                    .saturating_mul(10)
                    .saturating_add(digit as usize - '0' as usize);
            }
            number
        };
        if chars.next_if_eq(&'*').is_some() {
            let width = next()?.as_i64().ok_or_else(|| wrong("* wants int"))?;
            left |= width < 0;
            spec.width = width.unsigned_abs() as usize;
        } else {
            spec.width = number(&mut chars);
        }
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(match chars.next_if_eq(&'*') {
                Some(_) => next()?.as_usize().ok_or_else(|| wrong("* wants int"))?,
                None => number(&mut chars),
            });
        }
        while chars.next_if(|c| "hlL".contains(*c)).is_some() {}
        let Some(kind) = chars.next() else {
            return Err(wrong("incomplete format"));
        };
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match value {
            Some(value) => value,
            None => next()?,
        };
        spec.align = Some(if left { '<' } else { '>' });
        if left || !"diuoxXeEfFgG".contains(kind) {
            spec.fill = None;
        } else if spec.fill.is_some() {
            spec.align = Some('=');
        }
        let text = match kind {
            's' => cut(&to_str(&value), &mut spec),
            'r' | 'a' => cut(&to_repr(&value), &mut spec),
            'c' => match (value.as_str(), value.as_i64()) {
                (Some(text), _) if text.chars().count() == 1 => text.to_owned(),
                (None, Some(code)) => {
                    let character = u32::try_from(code).ok().and_then(char::from_u32);
                    character
                        .ok_or_else(|| wrong("%c arg not in range(0x110000)"))?
                        .to_string()
                }
                _ => return Err(wrong("%c requires int or char")),
            },
            'd' | 'i' | 'u' => {
                let digits = spec.precision.take();
                let number = whole(&value).ok_or_else(|| {
                    wrong(format!(
                        "%{kind} format: a real number is required, not {}",
                        value.kind()
                    ))
                })?;
                signed(
                    number < 0,
                    zeros(number.unsigned_abs().to_string(), digits),
                    &spec,
                )
            }
            'o' | 'x' | 'X' => {
                let digits = spec.precision.take();
                let number = value.as_i64().map(i128::from);
                let number = number.ok_or_else(|| {
                    wrong(format!(
                        "%{kind} format: an integer is required, not {}",
                        value.kind()
                    ))
                })?;
                signed(
                    number < 0,
                    zeros(in_base(number.unsigned_abs(), kind, spec.alternate), digits),
                    &spec,
                )
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let number = real(&value)
                    .ok_or_else(|| wrong(format!("must be real number, not {}", value.kind())))?;
                let text = decimal(number.abs(), kind, spec.precision, spec.alternate);
                signed(number.is_sign_negative() && !number.is_nan(), text, &spec)
            }
            other => {
                return Err(wrong(format!("unsupported format character '{other}'")));
            }
        };
        out.push_str(&padded(&text, &spec)?);
    }
    let is_mapping = arguments.kind() == ValueKind::Map;
    if !named && !is_mapping && values.next().is_some() {
        return Err(wrong(
            "not all arguments converted during string formatting",
        ));
    }
    Ok(out)
}

/// `format.format(*positional, **keyword)`.
///
/// # Errors
/// Fails as Python does.
pub fn format(
    format: &str,
    positional: &[Value],
    keyword: &[(String, Value)],
) -> Result<String, Error> {
    let mut at = 0;
    fields(format, positional, keyword, &mut at, 2)
}

fn fields(
    format: &str,
    positional: &[Value],
    keyword: &[(String, Value)],
    at: &mut usize,
    depth: usize,
) -> Result<String, Error> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(brace) = rest.find(['{', '}']) {
        out.push_str(&rest[..brace]);
        let after = &rest[brace + 1..];
        if let (true, Some(after)) = (rest[brace..].starts_with('{'), after.strip_prefix('{')) {
            out.push('{');
            rest = after;
            continue;
        }
        if rest[brace..].starts_with('}') {
            let after = after.strip_prefix('}');
            rest = after.ok_or_else(|| wrong("Single '}' encountered in format string"))?;
            out.push('}');
            continue;
        }
        let mut open = 1;
        let end = after.char_indices().find(|(_, c)| {
            open += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            open == 0
        });
        let (end, _) = end.ok_or_else(|| wrong("expected '}' before end of string"))?;
        let field = &after[..end];
        rest = &after[end + 1..];
        if depth == 0 {
            return Err(wrong("Max string recursion exceeded"));
        }
        let name_end = field.find(['!', ':']).unwrap_or(field.len());
        let (name, tail) = field.split_at(name_end);
        let (conversion, spec) = match tail.strip_prefix('!') {
            Some(tail) => match tail.split_once(':') {
                Some((conversion, spec)) => (Some(conversion), spec),
                None => (Some(tail), ""),
            },
            None => (None, tail.strip_prefix(':').unwrap_or("")),
        };
        let value = lookup(name, positional, keyword, at)?;
        let spec = fields(spec, positional, keyword, at, depth - 1)?;
        out.push_str(&match conversion {
            None => format_value(&value, &spec)?,
            Some("s") => format_value(&Value::from(to_str(&value)), &spec)?,
            Some("r" | "a") => format_value(&Value::from(to_repr(&value)), &spec)?,
            Some(other) => return Err(wrong(format!("Unknown conversion specifier {other}"))),
        });
    }
    Ok(out + rest)
}

/// The value of a field name: `0`, `name`, `0.attribute`, `name[key]`; the next one if it is empty.
fn lookup(
    name: &str,
    positional: &[Value],
    keyword: &[(String, Value)],
    at: &mut usize,
) -> Result<Value, Error> {
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, mut rest) = name.split_at(end);
    let index = match first {
        "" => {
            *at += 1;
            Some(*at - 1)
        }
        first => first.parse::<usize>().ok(),
    };
    let found = match index {
        Some(index) => positional.get(index).cloned(),
        None => keyword
            .iter()
            .find(|(key, _)| key == first)
            .map(|(_, value)| value.clone()),
    };
    let mut value = found.ok_or_else(|| match index {
        Some(index) => wrong(format!(
            "Replacement index {index} out of range for positional args tuple"
        )),
        None => wrong(format!("'{first}'")),
    })?;
    while !rest.is_empty() {
        let (key, after) = match rest.strip_prefix('[') {
            Some(inner) => inner
                .split_once(']')
                .ok_or_else(|| wrong("Missing ']' in format string"))?,
            None => {
                let inner = &rest[1..];
                inner.split_at(inner.find(['.', '[']).unwrap_or(inner.len()))
            }
        };
        value = match key.parse::<usize>() {
            Ok(index) => value.get_item_by_index(index)?,
            Err(_) => value.get_attr(key)?,
        };
        rest = after;
    }
    Ok(value)
}

/// `format(value, spec)`.
fn format_value(value: &Value, spec: &str) -> Result<String, Error> {
    if spec.is_empty() {
        return Ok(to_str(value));
    }
    let mut spec = parse(spec)?;
    let is_number = matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    if !is_number {
        if !matches!(spec.kind, None | Some('s')) || value.as_str().is_none() {
            let kind = spec.kind.unwrap_or('s');
            return Err(wrong(format!(
                "Unknown format code '{kind}' for object of type '{}'",
                value.kind()
            )));
        }
        let text = cut(value.as_str().unwrap_or_default(), &mut spec);
        spec.align = spec.align.or(Some('<'));
        return padded(&text, &spec);
    }
    let text = match (
        spec.kind,
        value.is_integer() || value.kind() == ValueKind::Bool,
    ) {
        (None | Some('d' | 'n'), true) => {
            let number = whole(value).unwrap_or(0);
            signed(
                number < 0,
                grouped(&number.unsigned_abs().to_string(), spec.grouping, 3),
                &spec,
            )
        }
        (Some(kind @ ('b' | 'o' | 'x' | 'X')), true) => {
            let number = whole(value).unwrap_or(0);
            let digits = in_base(number.unsigned_abs(), kind, spec.alternate);
            signed(number < 0, grouped(&digits, spec.grouping, 4), &spec)
        }
        (Some('c'), true) => {
            let code = whole(value)
                .and_then(|code| u32::try_from(code).ok())
                .and_then(char::from_u32);
            code.ok_or_else(|| wrong("%c arg not in range(0x110000)"))?
                .to_string()
        }
        (kind @ (None | Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n' | '%')), _) => {
            let number = real(value).unwrap_or(f64::NAN);
            let magnitude = number.abs();
            let digits = match (kind, spec.precision) {
                (None, None) => float(magnitude),
                (None, precision) => {
                    let text = decimal(magnitude, 'g', precision, spec.alternate);
                    match text.contains(['.', 'e', 'n', 'i']) {
                        true => text,
                        false => text + ".0",
                    }
                }
                (Some('%'), precision) => decimal(magnitude * 100.0, 'f', precision, false) + "%",
                (Some(kind), precision) => decimal(
                    magnitude,
                    if kind == 'n' { 'g' } else { kind },
                    precision,
                    spec.alternate,
                ),
            };
            let (units, decimals) =
                digits.split_at(digits.find(['.', 'e', '%']).unwrap_or(digits.len()));
            let digits = grouped(units, spec.grouping, 3) + decimals;
            signed(number.is_sign_negative() && !number.is_nan(), digits, &spec)
        }
        (Some(kind), _) => {
            return Err(wrong(format!(
                "Unknown format code '{kind}' for this number"
            )));
        }
    };
    spec.align = spec.align.or(Some('>'));
    padded(&text, &spec)
}

/// `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`.
fn parse(text: &str) -> Result<Spec, Error> {
    let mut spec = Spec::default();
    let chars: Vec<char> = text.chars().collect();
    let is_align = |c: Option<&char>| c.is_some_and(|c| "<>=^".contains(*c));
    let mut at = 0;
    if is_align(chars.get(1)) {
        spec.fill = Some(chars[0]);
        spec.align = Some(chars[1]);
        at = 2;
    } else if is_align(chars.first()) {
        spec.align = Some(chars[0]);
        at = 1;
    }
    let mut take = |set: &str| {
        let found = chars.get(at).copied().filter(|c| set.contains(*c));
        at += usize::from(found.is_some());
        found
    };
    spec.sign = take("+- ");
    take("z");
    spec.alternate = take("#").is_some();
    if take("0").is_some() {
        spec.fill = spec.fill.or(Some('0'));
        spec.align = spec.align.or(Some('='));
    }
    let number = |take: &mut dyn FnMut(&str) -> Option<char>| {
        let mut number = None;
        while let Some(digit) = take("0123456789") {
            let value = digit as usize - '0' as usize;
            number = Some(
                number
                    .unwrap_or(0usize)
                    .saturating_mul(10)
                    .saturating_add(value),
            );
        }
        number
    };
    spec.width = number(&mut take).unwrap_or(0);
    spec.grouping = take(",_");
    if take(".").is_some() {
        spec.precision = number(&mut take);
        if spec.precision.is_none() {
            return Err(wrong("Format specifier missing precision"));
        }
    }
    spec.kind = take("sbcdoxXneEfFgG%");
    match at == chars.len() {
        true => Ok(spec),
        false => Err(wrong("Invalid format specifier")),
    }
}

/// The first characters of a text, as many as the precision says.
fn cut(text: &str, spec: &mut Spec) -> String {
    match spec.precision.take() {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_owned(),
    }
}

/// Fills a text up to its width.
fn padded(text: &str, spec: &Spec) -> Result<String, Error> {
    if spec.width > MAX_WIDTH
        || spec
            .precision
            .is_some_and(|precision| precision > MAX_WIDTH)
    {
        return Err(wrong("a width or precision is too large"));
    }
    let fill = spec.fill.unwrap_or(' ');
    Ok(match spec.align {
        Some('<') => pad(text, spec.width, fill, "ljust"),
        Some('^') => {
            let missing = spec.width.saturating_sub(text.chars().count());
            let left = pad(text, text.chars().count() + missing / 2, fill, "rjust");
            pad(&left, spec.width, fill, "ljust")
        }
        Some('=') => {
            let sign = text.len() - text.trim_start_matches(['+', '-', ' ']).len();
            let (sign, digits) = text.split_at(sign);
            let width = spec.width.saturating_sub(sign.len());
            sign.to_owned() + &pad(digits, width, fill, "rjust")
        }
        _ => pad(text, spec.width, fill, "rjust"),
    })
}

fn signed(negative: bool, digits: String, spec: &Spec) -> String {
    match (negative, spec.sign) {
        (true, _) => format!("-{digits}"),
        (false, Some(sign @ ('+' | ' '))) => format!("{sign}{digits}"),
        _ => digits,
    }
}

fn zeros(digits: String, precision: Option<usize>) -> String {
    let missing = precision
        .unwrap_or(0)
        .min(MAX_WIDTH)
        .saturating_sub(digits.len());
    "0".repeat(missing) + &digits
}

fn grouped(digits: &str, separator: Option<char>, size: usize) -> String {
    let Some(separator) = separator else {
        return digits.to_owned();
    };
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(size) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

fn in_base(number: u128, kind: char, prefix: bool) -> String {
    let digits = match kind {
        'b' => format!("{number:b}"),
        'o' => format!("{number:o}"),
        'x' => format!("{number:x}"),
        _ => format!("{number:X}"),
    };
    match prefix {
        true => format!("0{kind}{digits}"),
        false => digits,
    }
}

/// An integer; floats are cut.
fn whole(value: &Value) -> Option<i128> {
    match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok(),
        ValueKind::Number => real(value)
            .filter(|number| number.is_finite())
            .map(|number| number as i128),
        _ => None,
    }
}

fn real(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        _ => None,
    }
}

/// A number that is not negative, as `%e`, `%f` or `%g` write it.
fn decimal(number: f64, kind: char, precision: Option<usize>, alternate: bool) -> String {
    let precision = precision.unwrap_or(6).min(MAX_WIDTH);
    let text = if number.is_nan() {
        "nan".to_owned()
    } else if number.is_infinite() {
        "inf".to_owned()
    } else {
        match kind.to_ascii_lowercase() {
            'f' => format!("{number:.precision$}"),
            'e' => scientific(number, precision),
            _ => {
                let digits = precision.max(1);
                let text = scientific(number, digits - 1);
                let exponent: i32 = text
                    .rsplit('e')
                    .next()
                    .and_then(|e| e.parse().ok())
                    .unwrap_or(0);
                let text = match (-4..digits as i32).contains(&exponent) {
                    true => format!("{number:.*}", (digits as i32 - 1 - exponent) as usize),
                    false => text,
                };
                match alternate {
                    true => text,
                    false => without_zeros(&text),
                }
            }
        }
    };
    match kind.is_ascii_uppercase() {
        true => text.to_uppercase(),
        false => text,
    }
}

fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn without_zeros(text: &str) -> String {
    let (digits, exponent) = text.split_at(text.find('e').unwrap_or(text.len()));
    match digits.contains('.') {
        true => {
            digits
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
                + exponent
        }
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use minijinja::value::Tuple;

    use super::*;

    fn tuple(values: &[Value]) -> Value {
        Tuple::from(values.to_vec()).into()
    }

    #[test]
    fn percent_is_that_of_python() {
        let one =
            |format: &str, value: Value| percent(format, &value).map_err(|error| error.to_string());
        for (format, value, text) in [
            ("%s", Value::from("é"), "é"),
            ("%5d|", Value::from(42), "   42|"),
            ("%-5d|", Value::from(42), "42   |"),
            ("%05d", Value::from(-42), "-0042"),
            ("%+.2f", Value::from(1.005), "+1.00"),
            ("%x %%", tuple(&[Value::from(255)]), "ff %"),
            ("%#o", Value::from(8), "0o10"),
            ("%.3e", Value::from(12345.678), "1.235e+04"),
            ("%g", Value::from(1e20), "1e+20"),
            ("%g", Value::from(0.0001), "0.0001"),
            ("%r", Value::from("a'b"), "\"a'b\""),
            (
                "%.2s|%5s",
                tuple(&[Value::from("abc"), Value::from("x")]),
                "ab|    x",
            ),
            ("%*d", tuple(&[Value::from(4), Value::from(7)]), "   7"),
            (
                "%(a)s-%(b)d",
                Value::from_pairs([("a", Value::from("x")), ("b", Value::from(2))]),
                "x-2",
            ),
            ("%d", Value::from(true), "1"),
            ("%s", Value::from(()), "None"),
        ] {
            assert_eq!(one(format, value).as_deref(), Ok(text), "{format}");
        }
        for (format, value) in [
            ("%d", Value::from("x")),
            ("%s %s", Value::from("x")),
            ("x", Value::from("x")),
            ("%y", Value::from(1)),
            ("%", Value::from(1)),
            ("%999999999d", Value::from(1)),
        ] {
            assert!(one(format, value).is_err(), "{format}");
        }
    }

    #[test]
    fn format_is_that_of_python() {
        let positional = [
            Value::from(3.125),
            Value::from("ab"),
            Value::from(1_234_567),
        ];
        let keyword = [("n".to_owned(), Value::from(vec![Value::from(7)]))];
        for (text, wanted) in [
            ("{} {}", "3.125 ab"),
            ("{1}{1}", "abab"),
            ("{0:.2f}|{1:>5}|{1:*^6}|{1:<4}|", "3.12|   ab|**ab**|ab  |"),
            (
                "{2:,} {2:_} {2:x} {2:#b}",
                "1,234,567 1_234_567 12d687 0b100101101011010000111",
            ),
            ("{2:010d} {0:+.1e}", "0001234567 +3.1e+00"),
            ("{n[0]} {1!r} {{}}", "7 'ab' {}"),
            ("{0:{n[0]}.1f}", "    3.1"),
            ("é{1}ß", "éabß"),
            ("{0:.0%}", "312%"),
        ] {
            let got = format(text, &positional, &keyword).map_err(|error| error.to_string());
            assert_eq!(got.as_deref(), Ok(wanted), "{text}");
        }
        for text in ["{", "}", "{9}", "{m}", "{1:d}", "{0:999999999}", "{0:q}"] {
            assert!(format(text, &positional, &keyword).is_err(), "{text}");
        }
    }
}
