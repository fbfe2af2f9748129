//! The `tojson` filter of transformers: Python's `json.dumps` without HTML escapes and with `ensure_ascii=False`.

use std::io;

use minijinja::value::Kwargs;
use minijinja::{Error, ErrorKind, Value};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// `value | tojson` and `value | tojson(indent=2)`.
pub(crate) fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    let mut bytes = Vec::new();
    let result = match indent {
        Some(width) => {
            let spaces = " ".repeat(width.min(16));
            let formatter = PrettyFormatter::with_indent(spaces.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        }
        None => value.serialize(&mut Serializer::with_formatter(&mut bytes, PythonFormatter)),
    };
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(ErrorKind::BadSerialization, format!("tojson: {error}"))
    };
    result.map_err(|error| wrong(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(&error))?;
    Ok(Value::from_safe_string(text))
}

/// Writes a space after each comma and colon.
struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Reads JSON as Python's `json.loads` does, which accepts `NaN`, `Infinity` and `-Infinity`; here they become null.
///
/// # Errors
/// Fails with a description if it is not JSON.
pub fn parse(bytes: &[u8]) -> Result<serde_json::Value, String> {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error.to_string(),
    };
    // Outside of strings, which the odd pieces between unescaped quotes are.
    let mut changed = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let quote = rest.find('"').unwrap_or(rest.len());
        let (outside, string) = rest.split_at(quote);
        let outside = outside.replace("-Infinity", "null");
        changed += &outside.replace("Infinity", "null").replace("NaN", "null");
        let mut end = string.len();
        let mut escaped = false;
        for (at, byte) in string.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    end = at + 1;
                    break;
                }
                _ => {}
            }
        }
        let (string, after) = string.split_at(end);
        changed += string;
        rest = after;
    }
    serde_json::from_str(&changed).map_err(|_| error)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn json_is_read_as_python_does() {
        let value = parse(br#"{"a": NaN, "b": "NaN \" -Infinity", "c": [-Infinity, Infinity, 1]}"#)
            .unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"a":null,"b":"NaN \" -Infinity","c":[null,null,1]}"#
        );
        assert!(parse(b"{\"a\": 1,}").is_err() && parse(b"{\"a").is_err());
    }
}
