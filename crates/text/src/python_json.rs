//! JSON as Python reads and writes it.

use std::io;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, Value};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use crate::chat_template::arguments::{Arguments, flag, width, wrong};

/// Maximum of the spaces of an indent.
const MAX_INDENT: usize = 64;

/// The filter `tojson` of transformers: `json.dumps` with `ensure_ascii=False`, and without HTML escapes.
pub(crate) fn to_json(
    value: &Value,
    arguments: Rest<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let arguments = Arguments::of(arguments, &named);
    let [ensure_ascii, indent, separators, sort_keys] =
        arguments.bind(["ensure_ascii", "indent", "separators", "sort_keys"])?;
    let indent = match indent.filter(|indent| !indent.is_none()) {
        None => None,
        Some(indent) => Some(match indent.as_str() {
            Some(text) => text.to_owned(),
            None => " ".repeat(width(Some(indent), 0)?.min(MAX_INDENT)),
        }),
    };
    let separators = match separators.filter(|separators| !separators.is_none()) {
        // Without an indent, a space behind each comma and colon.
        None => [if indent.is_some() { "," } else { ", " }, ": "].map(str::to_owned),
        Some(pair) => [
            pair.get_item_by_index(0)?.to_string(),
            pair.get_item_by_index(1)?.to_string(),
        ],
    };
    let formatter = PythonFormatter {
        separators,
        ascii: flag(ensure_ascii, false),
        pretty: indent
            .as_ref()
            .map(|indent| PrettyFormatter::with_indent(indent.as_bytes())),
    };
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, formatter);
    let written = match flag(sort_keys, false) {
        true => serde_json::to_value(value).and_then(|mut json| {
            json.sort_all_objects();
            json.serialize(&mut serializer)
        }),
        false => value.serialize(&mut serializer),
    };
    written.map_err(|error| wrong(format!("tojson: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(format!("tojson: {error}")))?;
    Ok(Value::from(text))
}

/// Writes JSON as `json.dumps` does.
struct PythonFormatter<'a> {
    separators: [String; 2],
    ascii: bool,
    /// Line ends and indents, if there is an indent.
    pretty: Option<PrettyFormatter<'a>>,
}

/// What begins an item: nothing or a separator, and with an indent a line end.
macro_rules! begin {
    ($method:ident) => {
        fn $method<W: ?Sized + io::Write>(
            &mut self,
            writer: &mut W,
            first: bool,
        ) -> io::Result<()> {
            if !first {
                writer.write_all(self.separators[0].as_bytes())?;
            }
            match &mut self.pretty {
                // As if it were the first: the separator is there already.
                Some(pretty) => pretty.$method(writer, true),
                None => Ok(()),
            }
        }
    };
}

/// What the indenting formatter does, if there is one, and the compact one otherwise.
macro_rules! either {
    ($($method:ident),*) => {
        $(fn $method<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
            match &mut self.pretty {
                Some(pretty) => pretty.$method(writer),
                None => CompactFormatter.$method(writer),
            }
        })*
    };
}

impl Formatter for PythonFormatter<'_> {
    either!(
        begin_array,
        end_array,
        begin_object,
        end_object,
        end_array_value,
        end_object_value
    );
    begin!(begin_array_value);
    begin!(begin_object_key);

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.separators[1].as_bytes())
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, number: f64) -> io::Result<()> {
        writer.write_all(crate::chat_template::float(number).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if !self.ascii || fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            if character.is_ascii() {
                write!(writer, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
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
