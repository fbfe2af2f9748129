//! Metering for templates: every operation is charged before it runs.
//!
//! Each rendering has two budgets: bytes read and bytes allocated (cumulative). A value may have up to
//! [`budget::MAX_VALUE`] bytes, counted as printed: a list that contains another list twice counts it twice.

mod budget;
mod calls;
mod operators;

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::python::{self, Range};
pub use budget::Budget;
use budget::PLACE;

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// Registers the functions that rewritten templates call.
pub(super) fn install(environment: &mut Environment<'static>, budget: &Arc<Budget>) {
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_filter("tojson", python::to_json);
    environment.remove_global("debug");

    let own = Arc::clone(budget);
    environment.add_function("__new", move |value: Value| {
        if value.as_str().is_none() {
            let bytes = own.weigh(&value)?;
            own.make(bytes.min(PLACE * (1 + value.len().unwrap_or(0) as u64)))?;
        }
        Ok::<_, Error>(value)
    });
    let own = Arc::clone(budget);
    environment.add_function("__iter", move |value: Value| {
        if value.as_str().is_none() {
            return Ok(value);
        }
        own.make(PLACE * value.len().unwrap_or(0) as u64)?;
        Ok::<_, Error>(Value::from(python::items_of(&value)?))
    });
    let own = Arc::clone(budget);
    environment.add_function("__op", move |name: &str, operands: Rest<Value>| {
        let mut operands = operands.0.into_iter();
        let first = operands
            .next()
            .ok_or_else(|| invalid("an operator needs operands"))?;
        operands.try_fold(first, |left, right| own.operate(name, &left, &right))
    });
    let own = Arc::clone(budget);
    environment.add_function(
        "__slice",
        move |value: Value, a: Value, b: Value, c: Value| own.slice(value, a, b, c),
    );
    let own = Arc::clone(budget);
    environment.add_function(
        "__filter",
        move |state: &mut State, name: &str, arguments: Rest<Value>, named: Kwargs| {
            own.filter(state, name, &together(arguments, named))
        },
    );
    let own = Arc::clone(budget);
    environment.add_function(
        "__test",
        move |state: &mut State, name: &str, arguments: Rest<Value>, named: Kwargs| {
            own.test(state, name, &together(arguments, named))
        },
    );
    let own = Arc::clone(budget);
    environment.add_function(
        "__method",
        move |state: &mut State,
              name: &str,
              value: Value,
              arguments: Rest<Value>,
              named: Kwargs| {
            own.method(state, name, &value, &together(arguments, named))
        },
    );
    for (name, function) in [
        (
            "range",
            Value::from_function(|arguments: Rest<Value>| {
                Range::new(&arguments.0).map(Value::from_object)
            }),
        ),
        ("dict", Value::from_function(minijinja::functions::dict)),
        (
            "namespace",
            Value::from_function(minijinja::functions::namespace),
        ),
    ] {
        let own = Arc::clone(budget);
        environment.add_function(
            name,
            move |state: &mut State, arguments: Rest<Value>, named: Kwargs| {
                let arguments = together(arguments, named);
                own.weigh_all(&arguments)?;
                let result = function.call(state, &arguments)?;
                let bytes = own.weigh(&result)?;
                own.make(bytes)?;
                Ok::<_, Error>(result)
            },
        );
    }
}

/// Arguments in the engine's format: keyword arguments are one dictionary at the end.
fn together(arguments: Rest<Value>, named: Kwargs) -> Vec<Value> {
    let mut all = arguments.0;
    if named.args().next().is_some() {
        all.push(named.into());
    }
    all
}

/// Collects a lazy iterable into a list, so that lazy values do not nest without bound.
fn settle(value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        return Ok(value);
    }
    let items = value.try_iter()?.checked();
    items.collect::<Result<Vec<_>, _>>().map(Value::from)
}
