//! JSON as Python writes it.

use std::io;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, Value};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::arguments::{Arguments, flag, width, wrong};
use super::print::float;

/// Maximum of the spaces of an indent.
const MAX_INDENT: usize = 64;

/// The filter `tojson` of transformers: `json.dumps` with `ensure_ascii=False`, and without HTML escapes.
pub fn to_json(value: &Value, arguments: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
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
        writer.write_all(float(number).as_bytes())
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
