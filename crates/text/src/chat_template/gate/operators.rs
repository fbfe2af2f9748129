//! Operators and slices, with metering.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Environment, Error, Value};

use super::budget::{Budget, MAX_VALUE, PLACE};
use super::{invalid, is_list, settle};
use crate::chat_template::{TooMuch, python, too_much};

impl Budget {
    /// Applies a binary operator.
    pub fn operate(&self, name: &str, left: &Value, right: &Value) -> Result<Value, Error> {
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
            // Looking up a key does not read the whole dictionary.
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
                Ok(Value::from(python::to_str(left) + &python::to_str(right)))
            }
            "%" if left.as_str().is_some() => {
                let values: Vec<Value> = match right.is_tuple() {
                    true => right.try_iter()?.collect(),
                    false => vec![right.clone()],
                };
                self.make(self.formatted(left, &values)?)?;
                Ok(Value::from(python::percent(
                    left.as_str().unwrap_or_default(),
                    right,
                )?))
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
                    // The message names the kinds only, since the values may be large.
                    return Err(invalid(&format!(
                        "{name} cannot be used on {} and {}",
                        left.kind(),
                        right.kind()
                    )));
                }
                calculate(&format!("a {name} b"), left, right)
            }
            _ => Err(invalid("unknown operator")),
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
        // The size was charged, so it fits `usize`.
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

    /// `value[a:b:c]`.
    pub fn slice(&self, value: Value, a: Value, b: Value, c: Value) -> Result<Value, Error> {
        let bytes = match value.as_str() {
            // With a negative step, the text is split into characters.
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
}

/// Evaluates an operation on two numbers with the template engine.
fn calculate(expression: &str, a: &Value, b: &Value) -> Result<Value, Error> {
    let environment = Environment::empty();
    let expression = environment.compile_expression(expression)?;
    expression.eval(minijinja::context! { a => a, b => b })
}
