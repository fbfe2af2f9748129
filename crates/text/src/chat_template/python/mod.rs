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
