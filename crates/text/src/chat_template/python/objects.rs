//! Objects that templates make: `range`, `cycler` and `joiner`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

/// Maximum length of a range, as in jinja2's sandbox.
const MAX_RANGE: i64 = 100_000;

/// `range(start, stop, step)`.
#[derive(Debug)]
pub struct Range {
    start: i64,
    stop: i64,
    step: i64,
}

impl Range {
    /// From the arguments of Python's `range`.
    ///
    /// # Errors
    /// Fails if there is none or too many, one is no integer, the step is 0, or the range is too long.
    pub fn new(arguments: &[Value]) -> Result<Self, Error> {
        let wrong = |what: &str| Error::new(ErrorKind::InvalidOperation, format!("range: {what}"));
        let numbers = arguments.iter().map(Value::as_i64);
        let numbers: Option<Vec<i64>> = numbers.collect();
        let (start, stop, step) = match numbers.as_deref() {
            Some([stop]) => (0, *stop, 1),
            Some([start, stop]) => (*start, *stop, 1),
            Some([start, stop, step]) => (*start, *stop, *step),
            _ => return Err(wrong("it takes one to three integers")),
        };
        if step == 0 {
            return Err(wrong("the step must not be zero"));
        }
        let this = Self { start, stop, step };
        match this.length() > MAX_RANGE as usize {
            true => Err(wrong("it is too long")),
            false => Ok(this),
        }
    }

    fn length(&self) -> usize {
        let (start, stop, step) = (
            i128::from(self.start),
            i128::from(self.stop),
            i128::from(self.step),
        );
        let span = if step > 0 { stop - start } else { start - stop };
        let count = (span + step.abs() - 1) / step.abs();
        usize::try_from(count.max(0)).unwrap_or(usize::MAX)
    }

    /// As Python prints it.
    pub fn repr(&self) -> String {
        match self.step {
            1 => format!("range({}, {})", self.start, self.stop),
            step => format!("range({}, {}, {step})", self.start, self.stop),
        }
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = key.as_usize().filter(|index| *index < self.length())?;
        Some(Value::from(self.start + index as i64 * self.step))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.length())
    }
}

/// `cycler(a, b, …)`.
#[derive(Debug)]
pub struct Cycler {
    pub items: Vec<Value>,
    pub at: AtomicUsize,
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("current") => self.items.get(self.at.load(Ordering::Relaxed)).cloned(),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _arguments: &[Value],
    ) -> Result<Value, Error> {
        let at = self.at.load(Ordering::Relaxed);
        match method {
            "next" => {
                self.at
                    .store((at + 1) % self.items.len().max(1), Ordering::Relaxed);
                Ok(self.items.get(at).cloned().unwrap_or_default())
            }
            "reset" => {
                self.at.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// `joiner(separator)`: empty when it is called first.
#[derive(Debug)]
pub struct Joiner {
    pub separator: Value,
    pub used: AtomicBool,
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        _arguments: &[Value],
    ) -> Result<Value, Error> {
        Ok(match self.used.swap(true, Ordering::Relaxed) {
            true => self.separator.clone(),
            false => Value::from(""),
        })
    }
}
