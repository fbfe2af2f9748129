//! Reading JSON whose objects have their fields in any order.

use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::tagged::TAG;

/// Reads what this crate writes, also where `kind` is not the first field of an object: other programs
/// have an order of their own.
///
/// # Errors
/// When it is not JSON, or not that of a `T`.
pub fn from_json<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&kind_first(text)?))
}

/// The same JSON, where `kind` is the first field of every object that has one.
fn kind_first(text: &str) -> serde_json::Result<String> {
    let value: Value = serde_json::from_str(text)?;
    serde_json::to_string(&KindFirst(&value))
}

struct KindFirst<'a>(&'a Value);

impl Serialize for KindFirst<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(values) => to.collect_seq(values.iter().map(KindFirst)),
            Value::Object(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                let (first, rest): (Vec<_>, Vec<_>) =
                    fields.iter().partition(|(name, _)| *name == TAG);
                for (name, value) in first.into_iter().chain(rest) {
                    map.serialize_entry(name, &KindFirst(value))?;
                }
                map.end()
            }
            other => other.serialize(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::kind_first;

    #[test]
    fn kind_comes_first_wherever_it_was() {
        let text = r#"{"a":[{"b":1,"kind":"x"}],"kind":"y","z":{"c":null,"kind":"w"}}"#;
        let right = r#"{"kind":"y","a":[{"kind":"x","b":1}],"z":{"kind":"w","c":null}}"#;
        assert_eq!(kind_first(text).ok().as_deref(), Some(right));
        assert!(kind_first("{").is_err());
    }
}
