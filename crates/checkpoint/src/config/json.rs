use serde_json::{Map, Value};

use crate::CheckpointError;

/// The fields of a JSON object, by type. A null counts as absent, as in transformers.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// The file's name, for messages.
    file: &'a str,
}

impl<'a> Fields<'a> {
    pub fn new(object: &'a Map<String, Value>, file: &'a str) -> Self {
        Self { object, file }
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// Whether the field is null, as opposed to absent.
    pub fn is_null(&self, key: &str) -> bool {
        self.object.get(key).is_some_and(Value::is_null)
    }

    fn wrong(&self, key: &str, wanted: &str) -> CheckpointError {
        let found = self
            .object
            .get(key)
            .map(ToString::to_string)
            .unwrap_or_default();
        let found: String = found.chars().take(40).collect();
        CheckpointError::Damaged(format!(
            "{} has {key} = {found}, which is not {wanted}",
            self.file
        ))
    }

    pub fn u32(&self, key: &str) -> Result<Option<u32>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        // Some writers store integers as 4096.0.
        let whole = value.as_u64().or_else(|| {
            value
                .as_f64()
                .filter(|x| x.fract() == 0.0 && *x >= 0.0)
                .map(|x| x as u64)
        });
        match whole.and_then(|value| u32::try_from(value).ok()) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(key, "an integer from 0 to 2^32 - 1")),
        }
    }

    pub fn required(&self, key: &str) -> Result<u32, CheckpointError> {
        self.u32(key)?
            .ok_or_else(|| CheckpointError::Missing(format!("{key} in {}", self.file)))
    }

    pub fn f32(&self, key: &str) -> Result<Option<f32>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.as_f64().map(|value| value as f32) {
            Some(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(self.wrong(key, "a number")),
        }
    }

    pub fn bool(&self, key: &str) -> Result<Option<bool>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        value
            .as_bool()
            .map(Some)
            .ok_or_else(|| self.wrong(key, "true or false"))
    }

    pub fn str(&self, key: &str) -> Result<Option<&'a str>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        value
            .as_str()
            .map(Some)
            .ok_or_else(|| self.wrong(key, "a string"))
    }

    pub fn object(&self, key: &str) -> Result<Option<Fields<'a>>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let object = value
            .as_object()
            .ok_or_else(|| self.wrong(key, "an object"))?;
        Ok(Some(Fields::new(object, self.file)))
    }

    pub fn strings(&self, key: &str) -> Result<Option<Vec<&'a str>>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let texts = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect());
        texts
            .map(Some)
            .ok_or_else(|| self.wrong(key, "a list of strings"))
    }

    pub fn floats(&self, key: &str) -> Result<Option<Vec<f32>>, CheckpointError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let number = |value: &Value| value.as_f64().map(|x| x as f32).filter(|x| x.is_finite());
        let numbers = value
            .as_array()
            .and_then(|list| list.iter().map(number).collect());
        numbers
            .map(Some)
            .ok_or_else(|| self.wrong(key, "a list of numbers"))
    }

    /// Refuses settings that would change the result and that the kernels do not support.
    pub fn refuse(&self, settings: &[(&str, &str)]) -> Result<(), CheckpointError> {
        for (key, what) in settings {
            let is_set = match self.get(key) {
                None | Some(Value::Bool(false)) => false,
                Some(Value::Number(number)) => number.as_f64() != Some(0.0),
                Some(_) => true,
            };
            if is_set {
                return Err(CheckpointError::Unsupported(format!("{what} ({key})")));
            }
        }
        Ok(())
    }
}
