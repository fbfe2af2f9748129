//! JSON as Python reads it.

/// Reads JSON as Python's `json.loads` does, which accepts `NaN`, `Infinity` and `-Infinity`; here they become null.
///
/// # Errors
/// Fails with a description if it is not JSON.
pub fn parse(bytes: &[u8]) -> Result<serde_json::Value, String> {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error.to_string(),
    };
    // Outside of strings, which the odd pieces between unescaped quotes are.
    let mut changed = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let quote = rest.find('"').unwrap_or(rest.len());
        let (outside, string) = rest.split_at(quote);
        let outside = outside.replace("-Infinity", "null");
        changed += &outside.replace("Infinity", "null").replace("NaN", "null");
        let mut end = string.len();
        let mut escaped = false;
        for (at, byte) in string.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    end = at + 1;
                    break;
                }
                _ => {}
            }
        }
        let (string, after) = string.split_at(end);
        changed += string;
        rest = after;
    }
    serde_json::from_str(&changed).map_err(|_| error)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn json_is_read_as_python_does() {
        let value = parse(br#"{"a": NaN, "b": "NaN \" -Infinity", "c": [-Infinity, Infinity, 1]}"#)
            .unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"a":null,"b":"NaN \" -Infinity","c":[null,null,1]}"#
        );
        assert!(parse(b"{\"a\": 1,}").is_err() && parse(b"{\"a").is_err());
    }
}
