//! What a template may compute: every operation is paid for before it is done.
//!
//! A rendering has two purses. Work pays for bytes that are looked at, memory for bytes that are
//! made, whether they are dropped again or not. One value may have [`MAX_VALUE`] bytes, counted as
//! often as it is printed: a list that holds another twice counts it twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::{Kwargs, Rest, Tuple, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::{TooMuch, too_much};
use crate::python_json::to_json;

/// Bytes that one rendering may look at.
const WORK: u64 = 4 << 30;
/// Bytes that one rendering may make.
const MEMORY: u64 = 128 << 20;
/// Bytes of one value.
const MAX_VALUE: u64 = 16 << 20;
/// Lists within lists.
const MAX_DEPTH: usize = 50;
/// What a place in a list costs.
const PLACE: u64 = 32;
/// Numbers that are widths and counts.
const MAX_NUMBER: i64 = 100_000;

/// What a rendering may still spend.
#[derive(Debug, Default)]
pub(super) struct Purse {
    work: AtomicU64,
    memory: AtomicU64,
}

impl Purse {
    /// Fills it for a new rendering.
    pub(super) fn fill(&self) {
        self.work.store(WORK, Ordering::Relaxed);
        self.memory.store(MEMORY, Ordering::Relaxed);
    }

    fn look(&self, bytes: u64) -> Result<(), Error> {
        pay(&self.work, bytes, "4 GiB of work")
    }

    /// Pays for bytes before they are made.
    pub(super) fn make(&self, bytes: u64) -> Result<(), Error> {
        if bytes > MAX_VALUE {
            return Err(too_much(TooMuch::VALUE));
        }
        pay(&self.memory, bytes, TooMuch::MEMORY)
    }

    /// Pays for looking at all of a value. Returns how many bytes that are.
    pub(super) fn weigh(&self, value: &Value) -> Result<u64, Error> {
        let mut left = MAX_VALUE;
        let result = weigh(value, MAX_DEPTH, &mut left);
        self.look(MAX_VALUE - left + 1)?;
        result?;
        Ok(MAX_VALUE - left)
    }

    fn weigh_all(&self, values: &[Value]) -> Result<u64, Error> {
        values
            .iter()
            .try_fold(0, |sum, value| Ok(sum + self.weigh(value)?))
    }
}

fn pay(purse: &AtomicU64, bytes: u64, what: &'static str) -> Result<(), Error> {
    let spend = |left: u64| left.checked_sub(bytes);
    match purse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
        Ok(_) => Ok(()),
        Err(_) => Err(too_much(what)),
    }
}

fn weigh(value: &Value, depth: usize, left: &mut u64) -> Result<(), Error> {
    let mut take = |bytes: u64| {
        *left = left
            .checked_sub(bytes)
            .ok_or_else(|| too_much(TooMuch::VALUE))?;
        Ok::<_, Error>(())
    };
    if let Some(text) = value.as_str() {
        return take(text.len() as u64);
    }
    take(PLACE)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {}
        _ => return Ok(()),
    }
    if depth == 0 {
        return Err(invalid("its lists nest too deep"));
    }
    let is_map = value.kind() == ValueKind::Map;
    for item in value.try_iter()?.checked() {
        let item = item?;
        weigh(&item, depth - 1, left)?;
        if is_map && let Ok(inner) = value.get_item(&item) {
            weigh(&inner, depth - 1, left)?;
        }
    }
    Ok(())
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// Gives an environment the functions that rewritten templates call.
pub(super) fn install(environment: &mut Environment<'static>, purse: &Arc<Purse>) {
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_filter("tojson", to_json);
    environment.remove_global("debug");
    environment.remove_filter("pprint");

    let own = Arc::clone(purse);
    environment.add_function("__new", move |value: Value| {
        if value.as_str().is_none() {
            let bytes = own.weigh(&value)?;
            own.make(bytes.min(PLACE * (1 + value.len().unwrap_or(0) as u64)))?;
        }
        Ok::<_, Error>(value)
    });
    let own = Arc::clone(purse);
    environment.add_function("__op", move |name: &str, operands: Rest<Value>| {
        let mut operands = operands.0.into_iter();
        let first = operands
            .next()
            .ok_or_else(|| invalid("an operator needs operands"))?;
        operands.try_fold(first, |left, right| own.operate(name, &left, &right))
    });
    let own = Arc::clone(purse);
    environment.add_function(
        "__slice",
        move |value: Value, a: Value, b: Value, c: Value| own.slice(value, a, b, c),
    );
    let own = Arc::clone(purse);
    environment.add_function(
        "__filter",
        move |state: &mut State, name: &str, arguments: Rest<Value>, named: Kwargs| {
            own.filter(state, name, &together(arguments, named))
        },
    );
    let own = Arc::clone(purse);
    environment.add_function(
        "__test",
        move |state: &mut State, name: &str, arguments: Rest<Value>, named: Kwargs| {
            own.test(state, name, &together(arguments, named))
        },
    );
    let own = Arc::clone(purse);
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
        ("range", Value::from_function(minijinja::functions::range)),
        ("dict", Value::from_function(minijinja::functions::dict)),
        (
            "namespace",
            Value::from_function(minijinja::functions::namespace),
        ),
    ] {
        let own = Arc::clone(purse);
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

/// Arguments as the engine passes them on: those with names are one dictionary at the end.
fn together(arguments: Rest<Value>, named: Kwargs) -> Vec<Value> {
    let mut all = arguments.0;
    if named.args().next().is_some() {
        all.push(named.into());
    }
    all
}

impl Purse {
    fn operate(&self, name: &str, left: &Value, right: &Value) -> Result<Value, Error> {
        if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
            let (long, short) = (a.len().max(b.len()) as u64, a.len().min(b.len()) as u64);
            self.look(1 + if name.ends_with("in") { long } else { short })?;
            match name {
                "+" | "~" => {
                    self.make(long + short)?;
                    return Ok(Value::from([a, b].concat()));
                }
                "in" => return Ok(Value::from(b.contains(a))),
                "not in" => return Ok(Value::from(!b.contains(a))),
                _ => {}
            }
        } else if is_list(left) || is_list(right) || name == "~" || name.ends_with("in") {
            // A look at a place of a dictionary does not look at all of it.
            if right.kind() != ValueKind::Map {
                self.weigh(right)?;
            }
            self.weigh(left)?;
        }
        match name {
            "==" => Ok(Value::from(left == right)),
            "!=" => Ok(Value::from(left != right)),
            "<" => Ok(Value::from(left < right)),
            "<=" => Ok(Value::from(left <= right)),
            ">" => Ok(Value::from(left > right)),
            ">=" => Ok(Value::from(left >= right)),
            "~" => {
                self.make(self.printed(left)? + self.printed(right)?)?;
                Ok(Value::from(format!("{left}{right}")))
            }
            "+" if is_list(left) && is_list(right) => {
                let (a, b) = (left.try_iter()?, right.try_iter()?);
                let items: Vec<Value> = a.checked().chain(b.checked()).collect::<Result<_, _>>()?;
                self.make(PLACE * items.len() as u64)?;
                if left.is_tuple() != right.is_tuple() {
                    return Err(invalid("a list and a tuple cannot be added"));
                }
                let tuple = left.is_tuple();
                let sum = if tuple {
                    Tuple::from(items).into()
                } else {
                    items.into()
                };
                self.weigh(&sum)?;
                Ok(sum)
            }
            "*" => self.multiply(left, right),
            "in" | "not in" => {
                let found = calculate("a in b", left, right)?.is_true();
                Ok(Value::from(found == (name == "in")))
            }
            "+" | "-" | "/" | "//" | "%" | "**" => {
                let number =
                    |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
                if !number(left) || !number(right) {
                    // Its message names both kinds, and writes nothing of them.
                    return Err(invalid(&format!(
                        "{name} cannot be used on {} and {}",
                        left.kind(),
                        right.kind()
                    )));
                }
                calculate(&format!("a {name} b"), left, right)
            }
            _ => Err(invalid("this operator is not known")),
        }
    }

    fn multiply(&self, left: &Value, right: &Value) -> Result<Value, Error> {
        let (value, count) = if left.as_str().is_some() || is_list(left) {
            (left, right)
        } else {
            (right, left)
        };
        if value.as_str().is_none() && !is_list(value) {
            return calculate("a * b", left, right);
        }
        let count = count.as_i64().unwrap_or(i64::MAX).max(0) as u64;
        let bytes = self.weigh(value)?.checked_mul(count);
        let bytes = bytes.ok_or_else(|| too_much(TooMuch::VALUE))?;
        self.make(bytes.max(count))?;
        // The sizes are paid for, so that they fit.
        let count = count as usize;
        if let Some(text) = value.as_str() {
            return Ok(Value::from(text.repeat(count)));
        }
        let once: Vec<Value> = value.try_iter()?.checked().collect::<Result<_, _>>()?;
        let items: Vec<Value> = once
            .iter()
            .cycle()
            .take(once.len() * count)
            .cloned()
            .collect();
        Ok(if value.is_tuple() {
            Tuple::from(items).into()
        } else {
            items.into()
        })
    }

    /// How many bytes a value has in print.
    pub(super) fn printed(&self, value: &Value) -> Result<u64, Error> {
        match value.as_str() {
            Some(text) => Ok(text.len() as u64),
            // Characters may be escaped (`\u{1F600}`), and brackets and commas come with places.
            None => Ok(12 * self.weigh(value)?),
        }
    }

    fn slice(&self, value: Value, a: Value, b: Value, c: Value) -> Result<Value, Error> {
        let bytes = match value.as_str() {
            // A step back takes the text apart.
            Some(text) => 4 * text.len() as u64,
            None => PLACE * value.len().unwrap_or(0) as u64,
        };
        self.look(bytes)?;
        self.make(bytes.min(MAX_VALUE))?;
        let context = minijinja::context! { v => value, a => a, b => b, c => c };
        let result = Environment::empty()
            .compile_expression("v[a:b:c]")?
            .eval(context)?;
        settle(result)
    }

    fn filter(&self, state: &mut State, name: &str, arguments: &[Value]) -> Result<Value, Error> {
        let value = arguments
            .first()
            .ok_or_else(|| invalid("a filter needs a value"))?;
        let others = &arguments[1..];
        if FREE_FILTERS.contains(&name) {
            return state.apply_filter(name, arguments);
        }
        let places = PLACE * value.len().unwrap_or(0) as u64;
        let by_attribute = others.first().is_some_and(Value::is_kwargs);
        if name == "map" && !by_attribute {
            let filter = others.first().and_then(Value::as_str);
            let filter = filter.ok_or_else(|| invalid("map needs the name of a filter"))?;
            let mut results = Vec::new();
            for item in value.try_iter()?.checked() {
                self.make(PLACE)?;
                let one = [&[item?], &others[1..]].concat();
                results.push(self.filter(state, filter, &one)?);
            }
            return Ok(Value::from(results));
        }
        let bytes = if SHALLOW_FILTERS.contains(&name) && value.as_str().is_none() {
            self.look(2 * places)?;
            places
        } else {
            self.weigh(value)?
        };
        let rest = self.weigh_arguments(others)?;
        let made = match name {
            "replace" => self.replaced(value, others)?,
            "join" => self.joined(value, others.first())?,
            "format" => self.formatted(value, others)?,
            "indent" => {
                bytes
                    + value.as_str().map_or(0, |text| {
                        let width = others
                            .iter()
                            .find_map(Value::as_i64)
                            .or_else(|| kwarg(others, "width"));
                        (text.lines().count() as u64 + 1) * width.unwrap_or(4).unsigned_abs()
                    })
            }
            // Characters as values of their own.
            "list" | "split" | "lines" | "batch" | "slice" | "sort" | "reverse" | "unique"
                if value.as_str().is_some() =>
            {
                2 * PLACE * bytes
            }
            "select" | "reject" | "selectattr" | "rejectattr" => {
                self.look((value.len().unwrap_or(0) as u64).saturating_mul(rest))?;
                places
            }
            name if SHALLOW_FILTERS.contains(&name) => places,
            _ => 6 * bytes + rest,
        };
        self.make(made)?;
        let result = settle(state.apply_filter(name, arguments)?)?;
        if !SHALLOW_FILTERS.contains(&name) {
            self.weigh(&result)?;
        }
        Ok(result)
    }

    fn test(&self, state: &mut State, name: &str, arguments: &[Value]) -> Result<bool, Error> {
        // Only comparisons look at all of a value.
        if arguments.len() > 1 {
            self.weigh_all(arguments)?;
        }
        state.perform_test(name, arguments)
    }

    fn method(
        &self,
        state: &mut State,
        name: &str,
        value: &Value,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        let rest = self.weigh_arguments(arguments)?;
        let Some(text) = value.as_str() else {
            if matches!(name, "items" | "keys" | "values") || name == "count" {
                let bytes = self.weigh(value)?;
                self.make(bytes)?;
            }
            return settle(value.call_method(state, name, arguments)?);
        };
        let bytes = text.len() as u64;
        self.look(bytes + 1)?;
        self.make(match name {
            "replace" => self.replaced(value, arguments)?,
            "join" => match arguments.first() {
                Some(list) => self.joined(list, Some(value))?,
                None => 0,
            },
            "format" => self.formatted(value, arguments)?,
            "split" | "splitlines" => match arguments.first().and_then(Value::as_str) {
                Some(separator) if !separator.is_empty() => {
                    bytes + PLACE * (1 + text.matches(separator).count() as u64)
                }
                _ => {
                    bytes
                        + PLACE * (1 + text.split_whitespace().count() as u64)
                        + PLACE * text.lines().count() as u64
                }
            },
            // A letter may become three in the other case.
            _ => 3 * bytes + rest,
        })?;
        settle(value.call_method(state, name, arguments)?)
    }

    /// Weighs what comes with a filter or method, and refuses large numbers: they are widths.
    fn weigh_arguments(&self, arguments: &[Value]) -> Result<u64, Error> {
        let large = |value: &Value| {
            value.kind() == ValueKind::Number
                && value
                    .as_i64()
                    .is_none_or(|n| n.unsigned_abs() > MAX_NUMBER as u64)
                && value.is_integer()
        };
        for value in arguments {
            let inner = value.is_kwargs().then(|| value.try_iter()).transpose()?;
            let inner = inner
                .into_iter()
                .flatten()
                .filter_map(|key| value.get_item(&key).ok());
            if large(value) || inner.into_iter().any(|value| large(&value)) {
                return Err(too_much(TooMuch::VALUE));
            }
        }
        self.weigh_all(arguments)
    }

    /// Bytes of a text with something replaced.
    fn replaced(&self, value: &Value, arguments: &[Value]) -> Result<u64, Error> {
        let text = value.to_string();
        let part = |place: usize| {
            arguments
                .get(place)
                .map(Value::to_string)
                .unwrap_or_default()
        };
        let (old, new) = (part(0), part(1));
        self.look(2 * text.len() as u64)?;
        let found = text.matches(old.as_str()).count() as u64;
        Ok(text.len() as u64 + found.saturating_mul(new.len() as u64))
    }

    /// Bytes of a list as one text.
    fn joined(&self, list: &Value, separator: Option<&Value>) -> Result<u64, Error> {
        let separator = separator.and_then(Value::as_str).unwrap_or_default();
        let places = match list.as_str() {
            Some(text) => text.len(),
            None => list.len().unwrap_or(0),
        };
        let between = (places as u64).saturating_mul(separator.len() as u64);
        Ok(self.printed(list)?.saturating_add(between))
    }

    /// The most bytes that a format can make: each place the largest argument or width.
    fn formatted(&self, format: &Value, arguments: &[Value]) -> Result<u64, Error> {
        let text = format.as_str().unwrap_or_default();
        // minijinja 3.0.5 cuts formats at bytes, and panics inside a character.
        if !text.is_ascii() {
            return Err(invalid(
                "a format has letters beyond ASCII, which is not supported",
            ));
        }
        let places = text.matches(['{', '%']).count() as u64;
        let numbers = text.split(|c: char| !c.is_ascii_digit()).map(|digits| {
            digits
                .parse()
                .unwrap_or(if digits.is_empty() { 0 } else { u64::MAX })
        });
        let widths = numbers.max().unwrap_or(0);
        let given = arguments
            .iter()
            .filter_map(Value::as_i64)
            .map(i64::unsigned_abs)
            .max();
        let printed = arguments
            .iter()
            .try_fold(0, |sum, value| Ok::<_, Error>(sum + self.printed(value)?))?;
        let each = widths
            .saturating_add(given.unwrap_or(0))
            .saturating_add(printed + 400);
        Ok((text.len() as u64).saturating_add(places.saturating_mul(each)))
    }
}

/// Look at no more than one place.
const FREE_FILTERS: [&str; 7] = ["length", "count", "first", "last", "default", "d", "attr"];

/// Give places of a list, not new ones.
const SHALLOW_FILTERS: [&str; 9] = [
    "map",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "list",
    "reverse",
    "batch",
    "slice",
];

/// A number that is given by name.
fn kwarg(arguments: &[Value], name: &str) -> Option<i64> {
    let kwargs = Kwargs::try_from(arguments.last()?.clone()).ok()?;
    kwargs.peek(name).ok()
}

/// A list in place of a recipe for one: recipes of recipes would nest without end.
fn settle(value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        return Ok(value);
    }
    let items = value.try_iter()?.checked();
    items.collect::<Result<Vec<_>, _>>().map(Value::from)
}

/// An operation on two numbers, by the engine itself.
fn calculate(expression: &str, a: &Value, b: &Value) -> Result<Value, Error> {
    let environment = Environment::empty();
    let expression = environment.compile_expression(expression)?;
    expression.eval(minijinja::context! { a => a, b => b })
}
