//! Filters, tests and methods, charged with an upper bound of their result's size.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, State, Value};

use super::budget::{Budget, PLACE};
use super::{invalid, settle};
use crate::chat_template::{TooMuch, python, too_much};

/// Maximum of numbers in arguments, because they may be widths or counts.
const MAX_NUMBER: i64 = 100_000;

impl Budget {
    /// Applies the filter `name` to the first of `arguments`, with the others as its parameters.
    pub fn filter(
        &self,
        state: &mut State,
        name: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
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
        let rest = match name {
            "format" | "filesizeformat" => self.weigh_all(others)?,
            _ => self.weigh_arguments(others)?,
        };
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
            // Each character may become a value.
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
            // Widths make a text longer than what was charged.
            self.make(self.weigh(&result)?)?;
        }
        Ok(result)
    }

    /// Applies the test `name` to the first of `arguments`, with the others as its parameters.
    pub fn test(&self, state: &mut State, name: &str, arguments: &[Value]) -> Result<bool, Error> {
        // Only comparisons read a whole value.
        if arguments.len() > 1 {
            self.weigh_all(arguments)?;
        }
        state.perform_test(name, arguments)
    }

    /// Calls the method `name` of `value`.
    pub fn method(
        &self,
        state: &mut State,
        name: &str,
        value: &Value,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        let rest = match name {
            // Its numbers are values, not widths.
            "format" | "format_map" => self.weigh_all(arguments)?,
            _ => self.weigh_arguments(arguments)?,
        };
        let Some(text) = value.as_str() else {
            if matches!(name, "items" | "keys" | "values") || name == "count" {
                let bytes = self.weigh(value)?;
                self.make(bytes)?;
            }
            if let Some(result) = python::method(value, name, arguments)? {
                return Ok(result);
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
            // A change of case may turn one letter into three.
            _ => 3 * bytes + rest,
        })?;
        let result = match python::method(value, name, arguments)? {
            Some(result) => result,
            None => settle(value.call_method(state, name, arguments)?)?,
        };
        // Widths make a text longer than what was charged.
        self.make(self.weigh(&result)?)?;
        Ok(result)
    }

    /// Charges the arguments of a filter or method. Rejects large numbers, which could be widths.
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

    /// Size of a text after a replacement, in bytes.
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

    /// Size of a list joined into one text, in bytes.
    fn joined(&self, list: &Value, separator: Option<&Value>) -> Result<u64, Error> {
        let separator = separator.and_then(Value::as_str).unwrap_or_default();
        let places = match list.as_str() {
            Some(text) => text.len(),
            None => list.len().unwrap_or(0),
        };
        let between = (places as u64).saturating_mul(separator.len() as u64);
        Ok(self.printed(list)?.saturating_add(between))
    }

    /// Upper bound of a formatted text in bytes: each placeholder takes the largest argument or width.
    pub(super) fn formatted(&self, format: &Value, arguments: &[Value]) -> Result<u64, Error> {
        let text = format.as_str().unwrap_or_default();
        let places = text.matches(['{', '%']).count() as u64;
        let numbers = text.split(|c: char| !c.is_ascii_digit()).map(|digits| {
            digits
                .parse()
                .unwrap_or(if digits.is_empty() { 0 } else { u64::MAX })
        });
        let widths = numbers.max().unwrap_or(0);
        // Only a star takes its width from an argument, up to the largest number that arguments may have.
        let given = text.contains('*').then_some(MAX_NUMBER as u64);
        let printed = arguments
            .iter()
            .try_fold(0, |sum, value| Ok::<_, Error>(sum + self.printed(value)?))?;
        let each = widths
            .saturating_add(given.unwrap_or(0))
            .saturating_add(printed + 400);
        Ok((text.len() as u64).saturating_add(places.saturating_mul(each)))
    }
}

/// Filters that read at most one item.
const FREE_FILTERS: [&str; 7] = ["length", "count", "first", "last", "default", "d", "attr"];

/// Filters whose results share the items of the list.
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

/// A number passed as a keyword argument.
fn kwarg(arguments: &[Value], name: &str) -> Option<i64> {
    let kwargs = Kwargs::try_from(arguments.last()?.clone()).ok()?;
    kwargs.peek(name).ok()
}
