use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Error, ErrorKind, Value};

/// Maximum of widths and counts, which a result could have as its size.
const MAX_WIDTH: i64 = 100_000;

/// Arguments of a call, which Python binds by place or by name.
pub struct Arguments {
    positional: Vec<Value>,
    keyword: Vec<(String, Value)>,
}

/// An error of a call.
pub fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

impl Arguments {
    /// From the engine's form, where keyword arguments are one dictionary at the end.
    pub fn new(arguments: &[Value]) -> Self {
        let (positional, keyword) = match arguments.split_last() {
            Some((last, others)) if last.is_kwargs() => {
                (others, Kwargs::try_from(last.clone()).ok())
            }
            _ => (arguments, None),
        };
        Self {
            positional: positional.to_vec(),
            keyword: keyword.as_ref().map(pairs).unwrap_or_default(),
        }
    }

    /// Of a filter or function.
    pub fn of(positional: Rest<Value>, keyword: &Kwargs) -> Self {
        Self {
            positional: positional.0,
            keyword: pairs(keyword),
        }
    }

    /// Binds the arguments to these parameters; `None` where one is not given.
    ///
    /// # Errors
    /// Fails if there are too many, or one has another name.
    pub fn bind<const N: usize>(&self, names: [&str; N]) -> Result<[Option<&Value>; N], Error> {
        if self.positional.len() > N {
            let (given, most) = (self.positional.len(), N);
            return Err(wrong(format!(
                "expected at most {most} arguments, got {given}"
            )));
        }
        let mut bound = [None; N];
        for (slot, value) in bound.iter_mut().zip(&self.positional) {
            *slot = Some(value);
        }
        for (name, value) in &self.keyword {
            match names.iter().position(|known| known == name) {
                Some(place) if bound[place].is_none() => bound[place] = Some(value),
                _ => {
                    return Err(wrong(format!(
                        "got an unexpected keyword argument '{name}'"
                    )));
                }
            }
        }
        Ok(bound)
    }

    /// Arguments by place.
    pub fn positional(&self) -> &[Value] {
        &self.positional
    }

    /// Arguments by name.
    pub fn keyword(&self) -> &[(String, Value)] {
        &self.keyword
    }
}

fn pairs(keyword: &Kwargs) -> Vec<(String, Value)> {
    let pair = |name: &str| Some((name.to_owned(), keyword.peek::<Value>(name).ok()?));
    keyword.args().filter_map(pair).collect()
}

/// A text; other values are refused.
pub fn text(value: Option<&Value>) -> Result<&str, Error> {
    let kind = value.map_or(ValueKind::None, Value::kind);
    let text = value.and_then(Value::as_str);
    text.ok_or_else(|| wrong(format!("must be str, not {kind}")))
}

/// A text, or `None` where it is not given or none.
pub fn optional_text(value: Option<&Value>) -> Result<Option<&str>, Error> {
    match value {
        Some(value) if !value.is_none() => text(Some(value)).map(Some),
        _ => Ok(None),
    }
}

/// An integer, or `otherwise` where it is not given or none.
pub fn integer(value: Option<&Value>, otherwise: i64) -> Result<i64, Error> {
    match value {
        Some(value) if !value.is_none() => {
            let number = value.as_i64().or(match value.kind() {
                ValueKind::Bool => Some(i64::from(value.is_true())),
                _ => None,
            });
            number.ok_or_else(|| wrong(format!("an integer is required, not {}", value.kind())))
        }
        _ => Ok(otherwise),
    }
}

/// A width or count, at most [`MAX_WIDTH`].
pub fn width(value: Option<&Value>, otherwise: i64) -> Result<usize, Error> {
    match integer(value, otherwise)? {
        number if number > MAX_WIDTH => Err(wrong("a width or count is too large")),
        number => Ok(usize::try_from(number).unwrap_or(0)),
    }
}

/// A truth value, or `otherwise` where it is not given.
pub fn flag(value: Option<&Value>, otherwise: bool) -> bool {
    value.map_or(otherwise, Value::is_true)
}
