//! Python's values, methods and formats, and the parts of jinja2 that the template engine lacks or has otherwise.

mod arguments;
mod filters;
mod format;
mod json;
mod objects;
mod print;
mod source;
mod str_methods;
mod text;
mod time;

use std::sync::atomic::{AtomicBool, AtomicUsize};

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use arguments::Arguments;
pub use filters::items_of;
pub use format::percent;
pub use json::to_json;
pub use objects::Range;
pub use print::to_str;
pub use source::prepare;
pub use time::strftime_now;

/// Adds filters, tests and functions to an environment.
pub fn install(environment: &mut Environment<'static>) {
    filters::install(environment);
    environment.add_test("sequence", is_sequence);
    environment.add_test("iterable", |value: &Value| {
        is_sequence(value) || value.kind() == ValueKind::Iterable
    });
    environment.add_test("callable", |value: &Value| {
        value.kind() == ValueKind::Plain && value.as_object().is_some()
    });
    environment.add_test("escaped", |_: &Value| false);
    environment.add_function("range", |arguments: Rest<Value>| {
        Range::new(&arguments.0).map(Value::from_object)
    });
    environment.add_function("cycler", |items: Rest<Value>| {
        Value::from_object(objects::Cycler {
            items: items.0,
            at: AtomicUsize::new(0),
        })
    });
    environment.add_function("joiner", |arguments: Rest<Value>, named: Kwargs| {
        let arguments = Arguments::of(arguments, &named);
        let [separator] = arguments.bind(["sep"])?;
        Ok::<_, Error>(Value::from_object(objects::Joiner {
            separator: separator.cloned().unwrap_or_else(|| Value::from(", ")),
            used: AtomicBool::new(false),
        }))
    });
    environment.add_function("strftime_now", strftime_now);
}

/// Whether a value has a length and items, as jinja2's `is sequence` asks; an undefined value has, too.
fn is_sequence(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Map
    )
}

/// Calls a method that Python has and that changes nothing in place; `None` for others.
///
/// # Errors
/// Fails as Python does.
pub fn method(value: &Value, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let arguments = Arguments::new(arguments);
    match (value.as_str(), value.kind()) {
        (Some(text), _) => str_methods::call(text, name, &arguments),
        (None, ValueKind::Seq) => str_methods::call_list(value, name, &arguments),
        (None, ValueKind::Map) if name == "copy" => Ok(Some(value.clone())),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use crate::{ChatTemplate, RenderChat};

    /// Every method, filter and test with values and arguments of every kind: a text or an error, and no panic.
    #[test]
    fn no_call_panics() {
        let methods = "upper lower casefold capitalize title swapcase isalnum isalpha isascii isdecimal isdigit isnumeric \
            isspace isprintable islower isupper istitle isidentifier strip lstrip rstrip split rsplit splitlines partition \
            rpartition join replace removeprefix removesuffix startswith endswith find rfind index rindex count center \
            ljust rjust zfill expandtabs format format_map items keys values get copy append nomethod";
        let filters = "length first last items list string pprint join upper lower capitalize title trim center wordcount \
            wordwrap truncate striptags replace indent urlencode filesizeformat format escape safe attr round int float \
            default dictsort tojson abs batch slice sort sum unique reverse min max map select reject selectattr groupby";
        let tests = "sequence iterable callable escaped string mapping number divisibleby in sameas lower odd";
        let values = [
            "'aé😀b%{'",
            "''",
            "'%'",
            "'%*d'",
            "'{'",
            "'{0[}'",
            "'-0x1F'",
            "-3",
            "1e300",
            "9223372036854775807",
            "true",
            "none",
            "nothing",
            "[]",
            "[1, 'é', none]",
            "(1,)",
            "{}",
            "{'é': [1]}",
            "range(3)",
            "cycler(1)",
            "joiner()",
            "namespace(a=1)",
        ];
        let arguments = [
            "",
            "'é'",
            "''",
            "-1",
            "3",
            "99999999",
            "-9223372036854775808",
            "1.5",
            "none",
            "nothing",
            "[1]",
            "('é', '')",
            "{'a': 1}",
            "'é', 2",
            "1, -1",
            "'', '', -1",
            "2, 'éé'",
            "'a', 'b', 'c', 'd', 'e'",
            "x=1",
            "width=5",
            "1, x=2",
            "-2, true, '…', 0",
        ];
        let mut calls = 0;
        for value in values {
            for argument in arguments {
                let sources = (methods
                    .split_whitespace()
                    .map(|name| format!("{{{{ ({value}).{name}({argument}) }}}}")))
                .chain(
                    filters
                        .split_whitespace()
                        .map(|name| format!("{{{{ ({value}) | {name}({argument}) }}}}")),
                )
                .chain(
                    tests
                        .split_whitespace()
                        .map(|name| format!("{{{{ ({value}) is {name}({argument}) }}}}")),
                )
                .chain([
                    format!("{{{{ ({value}) % ({argument}) }}}}"),
                    format!("{{{{ strftime_now({argument}) }}}}"),
                ]);
                for source in sources {
                    if let Ok(template) = ChatTemplate::new(&source, None, None) {
                        let _ = template.render(&[], false);
                        calls += 1;
                    }
                }
            }
        }
        assert!(calls > 50_000, "{calls} calls");
    }
}
