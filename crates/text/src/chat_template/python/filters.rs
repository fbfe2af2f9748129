//! The filters of jinja2 that the template engine lacks, or has otherwise.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::arguments::{Arguments, flag, integer, optional_text, text, width, wrong};
use super::format::percent;
use super::print::{to_repr, to_str};
use super::text::{capitalize, is_space, pad, split_lines};

type Filter = fn(&Value, &Arguments) -> Result<Value, Error>;

/// Adds the filters to an environment.
pub fn install(environment: &mut Environment<'_>) {
    const FILTERS: [(&str, Filter); 35] = [
        ("length", length),
        ("count", length),
        ("first", first),
        ("last", last),
        ("items", items),
        ("list", list),
        ("string", |value, _| Ok(to_str(value).into())),
        ("pprint", |value, _| Ok(to_repr(value).into())),
        ("join", join),
        ("upper", |value, _| Ok(to_str(value).to_uppercase().into())),
        ("lower", |value, _| Ok(to_str(value).to_lowercase().into())),
        ("capitalize", |value, _| {
            Ok(capitalize(&to_str(value)).into())
        }),
        ("title", |value, _| Ok(title(&to_str(value)).into())),
        ("trim", trim),
        ("center", center),
        ("wordcount", |value, _| Ok(wordcount(&to_str(value)).into())),
        ("wordwrap", wordwrap),
        ("truncate", truncate),
        ("striptags", |value, _| Ok(striptags(&to_str(value)).into())),
        ("replace", replace),
        ("indent", indent),
        ("urlencode", urlencode),
        ("filesizeformat", filesizeformat),
        ("format", format),
        ("escape", |value, _| Ok(escape(&to_str(value)).into())),
        ("e", |value, _| Ok(escape(&to_str(value)).into())),
        ("forceescape", |value, _| Ok(escape(&to_str(value)).into())),
        ("safe", |value, _| Ok(value.clone())),
        ("attr", attr),
        ("round", round),
        ("int", int),
        ("float", float),
        ("default", default),
        ("d", default),
        ("dictsort", dictsort),
    ];
    for (name, filter) in FILTERS {
        environment.add_filter(
            name,
            move |value: &Value, arguments: Rest<Value>, named: Kwargs| {
                filter(value, &Arguments::of(arguments, &named))
            },
        );
    }
}

fn length(value: &Value, _: &Arguments) -> Result<Value, Error> {
    if value.is_undefined() {
        return Ok(0.into());
    }
    let length = match value.as_str() {
        Some(text) => Some(text.chars().count()),
        None => value.len(),
    };
    length
        .map(Value::from)
        .ok_or_else(|| wrong(format!("object of type '{}' has no len()", value.kind())))
}

/// The items of a value: characters of a text, keys of a dictionary, none of an undefined one.
pub fn items_of(value: &Value) -> Result<Vec<Value>, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.chars().map(|c| Value::from(c.to_string())).collect());
    }
    match value.is_undefined() {
        true => Ok(Vec::new()),
        false => value.try_iter()?.checked().collect(),
    }
}

fn first(value: &Value, _: &Arguments) -> Result<Value, Error> {
    Ok(items_of(value)?.into_iter().next().unwrap_or_default())
}

fn last(value: &Value, _: &Arguments) -> Result<Value, Error> {
    Ok(items_of(value)?.pop().unwrap_or_default())
}

fn list(value: &Value, _: &Arguments) -> Result<Value, Error> {
    items_of(value).map(Value::from)
}

fn items(value: &Value, _: &Arguments) -> Result<Value, Error> {
    if value.is_undefined() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    if value.kind() != ValueKind::Map {
        return Err(wrong("Can only get item pairs from a mapping."));
    }
    let mut pairs: Vec<Value> = Vec::new();
    for key in value.try_iter()? {
        let item = value.get_item(&key)?;
        pairs.push(minijinja::value::Tuple::from(vec![key, item]).into());
    }
    Ok(Value::from(pairs))
}

fn join(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [separator, attribute] = arguments.bind(["d", "attribute"])?;
    let separator = separator.map(to_str).unwrap_or_default();
    let mut parts = Vec::new();
    for item in items_of(value)? {
        parts.push(match attribute {
            None => to_str(&item),
            Some(path) => {
                let mut item = item;
                for key in to_str(path).split('.') {
                    item = item.get_attr(key)?;
                }
                to_str(&item)
            }
        });
    }
    Ok(parts.join(&separator).into())
}

/// Each word begins with a capital letter; words begin behind a space, a hyphen or an opening bracket.
fn title(this: &str) -> String {
    let starts = |c: char| c.is_whitespace() || "-({[<".contains(c);
    let mut words = String::new();
    for word in this.split_inclusive(starts) {
        words.push_str(&capitalize(word));
    }
    words
}

fn trim(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [chars] = arguments.bind(["chars"])?;
    let this = to_str(value);
    Ok(match optional_text(chars)? {
        Some(chars) => this.trim_matches(|c| chars.contains(c)).into(),
        None => this.trim_matches(is_space).into(),
    })
}

fn center(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [to] = arguments.bind(["width"])?;
    Ok(pad(&to_str(value), width(to, 80)?, ' ', "center").into())
}

fn wordcount(this: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    this.split(|c| !is_word(c))
        .filter(|word| !word.is_empty())
        .count()
}

fn truncate(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [length, kill, end, leeway] = arguments.bind(["length", "killwords", "end", "leeway"])?;
    let this = to_str(value);
    let (length, leeway) = (width(length, 255)?, width(leeway, 5)?);
    let end = optional_text(end)?.unwrap_or("...");
    let ending = end.chars().count();
    if length < ending {
        return Err(wrong(format!("expected length >= {ending}, got {length}")));
    }
    if this.chars().count() <= length + leeway {
        return Ok(this.into());
    }
    let kept: String = this.chars().take(length - ending).collect();
    let kept = match flag(kill, false) {
        true => kept.as_str(),
        false => kept
            .rsplit_once(' ')
            .map_or(kept.as_str(), |(words, _)| words),
    };
    Ok(format!("{kept}{end}").into())
}

/// As Python's `textwrap` wraps each line, without changing white space inside of it.
fn wordwrap(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [to, break_long, end, hyphens] = arguments.bind([
        "width",
        "break_long_words",
        "wrapstring",
        "break_on_hyphens",
    ])?;
    let (to, break_long) = (width(to, 79)?.max(1), flag(break_long, true));
    let end = optional_text(end)?.unwrap_or("\n");
    let hyphens = flag(hyphens, true);
    let this = to_str(value);
    let mut lines = Vec::new();
    for line in split_lines(&this, false) {
        let wrapped = wrap(line, to, break_long, hyphens);
        lines.push(wrapped.join(end));
    }
    Ok(lines.join(end).into())
}

fn wrap(line: &str, to: usize, break_long: bool, hyphens: bool) -> Vec<String> {
    // Words and the space between them; a word may be split behind a hyphen between letters.
    let mut chunks: Vec<String> = Vec::new();
    let mut before = None;
    for c in line.chars() {
        let is_space = c.is_whitespace();
        let after_hyphen = hyphens && c.is_alphabetic() && before == Some('-');
        match chunks.last_mut() {
            Some(last)
                if last.ends_with(char::is_whitespace) == is_space
                    && !(after_hyphen && last.len() > 1) =>
            {
                last.push(c);
            }
            _ => chunks.push(c.to_string()),
        }
        before = Some(c);
    }
    let count = |text: &str| text.chars().count();
    let (mut lines, mut line) = (Vec::new(), String::new());
    let mut chunks: std::collections::VecDeque<String> = chunks.into();
    while let Some(chunk) = chunks.pop_front() {
        if line.is_empty() && !lines.is_empty() && chunk.trim().is_empty() {
            continue;
        }
        if count(&line) + count(&chunk) <= to {
            line.push_str(&chunk);
            continue;
        }
        if count(&chunk) > to && break_long {
            let room = to - count(&line);
            let (head, tail): (String, String) = (
                chunk.chars().take(room).collect(),
                chunk.chars().skip(room).collect(),
            );
            line.push_str(&head);
            chunks.push_front(tail);
        } else if line.is_empty() {
            lines.push(chunk.trim_end().to_owned());
            continue;
        } else {
            chunks.push_front(chunk);
        }
        lines.push(std::mem::take(&mut line).trim_end().to_owned());
    }
    if !line.trim_end().is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// A text without comments and tags, with single spaces and without entities.
fn striptags(this: &str) -> String {
    let without = |text: &str, open: &str, close: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(open) {
            let Some(end) = rest[start..].find(close) else {
                break;
            };
            out.push_str(&rest[..start]);
            rest = &rest[start + end + close.len()..];
        }
        out + rest
    };
    let text = without(&without(this, "<!--", "-->"), "<", ">");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    text.replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

fn replace(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [old, new, count] = arguments.bind(["old", "new", "count"])?;
    let (Some(old), Some(new)) = (old.map(to_str), new.map(to_str)) else {
        return Err(wrong("replace needs an old and a new text"));
    };
    let this = to_str(value);
    Ok(match usize::try_from(integer(count, -1)?) {
        Ok(count) => this.replacen(&old, &new, count).into(),
        Err(_) => this.replace(&old, &new).into(),
    })
}

fn indent(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [by, first, blank] = arguments.bind(["width", "first", "blank"])?;
    let by = match by.and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => " ".repeat(width(by, 4)?),
    };
    // This newline keeps a last one, which is no line of its own.
    let this = to_str(value) + "\n";
    let lines = split_lines(&this, false);
    let all = |line: &&str| !line.is_empty() || flag(blank, false);
    let lines = lines
        .iter()
        .enumerate()
        .map(|(index, line)| match index > 0 && all(line) {
            true => format!("{by}{line}"),
            false => (*line).to_owned(),
        });
    let text = lines.collect::<Vec<_>>().join("\n");
    Ok(match flag(first, false) {
        true => (by + &text).into(),
        false => text.into(),
    })
}

fn quoted(this: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in this.bytes() {
        match char::from(byte) {
            c if c.is_ascii_alphanumeric() || "_.-~".contains(c) || safe.contains(c) => out.push(c),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn urlencode(value: &Value, _: &Arguments) -> Result<Value, Error> {
    let plus = |value: &Value| quoted(&to_str(value), " ").replace(' ', "+");
    let pairs: Vec<[Value; 2]> = match value.kind() {
        ValueKind::Map => {
            let keys = value.try_iter()?;
            keys.map(|key| Ok([key.clone(), value.get_item(&key)?]))
                .collect::<Result<_, Error>>()?
        }
        ValueKind::Seq => {
            let items = value.try_iter()?;
            items
                .map(|pair| Ok([pair.get_item_by_index(0)?, pair.get_item_by_index(1)?]))
                .collect::<Result<_, Error>>()?
        }
        _ => return Ok(quoted(&to_str(value), "/").into()),
    };
    let pairs = pairs
        .iter()
        .map(|[key, value]| format!("{}={}", plus(key), plus(value)));
    Ok(pairs.collect::<Vec<_>>().join("&").into())
}

fn filesizeformat(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [binary] = arguments.bind(["binary"])?;
    let (base, units) = match flag(binary, false) {
        true => (
            1024.0,
            ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"],
        ),
        false => (1000.0, ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]),
    };
    let bytes: f64 = to_str(value)
        .trim()
        .parse()
        .map_err(|_| wrong("filesizeformat needs a number"))?;
    if bytes == 1.0 {
        return Ok("1 Byte".into());
    }
    if bytes < base {
        return Ok(format!("{} Bytes", bytes as i64).into());
    }
    let mut size = bytes / base;
    let mut at = 0;
    while size >= base && at + 1 < units.len() {
        size /= base;
        at += 1;
    }
    Ok(format!("{size:.1} {}", units[at]).into())
}

fn format(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let (positional, keyword) = (arguments.positional(), arguments.keyword());
    if !positional.is_empty() && !keyword.is_empty() {
        return Err(wrong(
            "can't handle positional and keyword arguments at the same time",
        ));
    }
    let values: Value = match keyword.is_empty() {
        true => minijinja::value::Tuple::from(positional.to_vec()).into(),
        false => Value::from_pairs(keyword.iter().cloned()),
    };
    Ok(percent(&to_str(value), &values)?.into())
}

fn escape(this: &str) -> String {
    let text = this
        .replace('&', "&amp;")
        .replace('>', "&gt;")
        .replace('<', "&lt;");
    text.replace('\'', "&#39;").replace('"', "&#34;")
}

/// An attribute, which the items of a dictionary are not.
fn attr(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [name] = arguments.bind(["name"])?;
    let name = text(name)?;
    match value.kind() {
        ValueKind::Plain => value.get_attr(name),
        ValueKind::Map
            if value
                .as_object()
                .is_some_and(|object| format!("{object:?}").starts_with("Namespace")) =>
        {
            value.get_attr(name)
        }
        _ => Ok(Value::UNDEFINED),
    }
}

fn round(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [precision, method] = arguments.bind(["precision", "method"])?;
    let precision = integer(precision, 0)?.clamp(-300, 300) as i32;
    let number: f64 = match value.kind() {
        ValueKind::Bool => f64::from(u8::from(value.is_true())),
        _ => f64::try_from(value.clone()).map_err(|_| wrong("round needs a number"))?,
    };
    let power = 10f64.powi(precision);
    Ok(match optional_text(method)?.unwrap_or("common") {
        "ceil" => ((number * power).ceil() / power).into(),
        "floor" => ((number * power).floor() / power).into(),
        // An integer stays one, as Python's round keeps it.
        "common" if value.is_integer() && precision >= 0 => value.clone(),
        "common" if value.is_integer() => {
            (((number * power).round_ties_even() / power) as i64).into()
        }
        "common" if precision >= 0 => {
            let text = format!("{number:.*}", precision as usize);
            text.parse::<f64>().unwrap_or(number).into()
        }
        "common" => ((number * power).round_ties_even() / power).into(),
        _ => return Err(wrong("method must be common, ceil or floor")),
    })
}

/// A number of a text in Python's notation, or the default (0).
fn int(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [default, base] = arguments.bind(["default", "base"])?;
    let base = integer(base, 10)?;
    let number = match (value.as_str(), value.kind()) {
        (Some(text), _) => {
            let text = text.trim().replace('_', "").to_lowercase();
            let (sign, digits) = match text.strip_prefix('-') {
                Some(digits) => (-1, digits),
                None => (1, text.strip_prefix('+').unwrap_or(&text)),
            };
            let (prefix, radix) = match (digits.get(..2), base) {
                (Some("0x"), 0 | 16) => (2, 16),
                (Some("0o"), 0 | 8) => (2, 8),
                (Some("0b"), 0 | 2) => (2, 2),
                (_, 0) => (0, 10),
                (_, base) => (
                    0,
                    u32::try_from(base)
                        .ok()
                        .filter(|base| (2..=36).contains(base))
                        .unwrap_or(10),
                ),
            };
            let whole = i64::from_str_radix(&digits[prefix..], radix)
                .ok()
                .map(|number| sign * number);
            whole.or_else(|| {
                text.parse::<f64>()
                    .ok()
                    .filter(|it| it.is_finite())
                    .map(|it| it as i64)
            })
        }
        (None, ValueKind::Bool) => Some(i64::from(value.is_true())),
        (None, ValueKind::Number) if value.is_integer() => return Ok(value.clone()),
        (None, ValueKind::Number) => f64::try_from(value.clone())
            .ok()
            .map(|number| number as i64),
        _ => None,
    };
    Ok(number.map_or_else(|| default.cloned().unwrap_or_else(|| 0.into()), Value::from))
}

/// A float of a text, or the default (0.0).
fn float(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [default] = arguments.bind(["default"])?;
    let number = match (value.as_str(), value.kind()) {
        (Some(text), _) => text.trim().replace('_', "").parse::<f64>().ok(),
        (None, ValueKind::Bool) => Some(f64::from(u8::from(value.is_true()))),
        (None, ValueKind::Number) => f64::try_from(value.clone()).ok(),
        _ => None,
    };
    Ok(number.map_or_else(
        || default.cloned().unwrap_or_else(|| 0.0.into()),
        Value::from,
    ))
}

fn default(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [default, boolean] = arguments.bind(["default_value", "boolean"])?;
    match value.is_undefined() || (flag(boolean, false) && !value.is_true()) {
        true => Ok(default.cloned().unwrap_or_else(|| "".into())),
        false => Ok(value.clone()),
    }
}

/// The pairs of a dictionary, in order of keys or values.
fn dictsort(value: &Value, arguments: &Arguments) -> Result<Value, Error> {
    let [case_sensitive, by, reverse] = arguments.bind(["case_sensitive", "by", "reverse"])?;
    let place = match optional_text(by)?.unwrap_or("key") {
        "key" => 0,
        "value" => 1,
        _ => return Err(wrong("You can only sort by either \"key\" or \"value\"")),
    };
    let folded = |pair: &Value| {
        let value = pair.get_item_by_index(place).unwrap_or_default();
        match value.as_str().filter(|_| !flag(case_sensitive, false)) {
            Some(text) => text.to_lowercase().into(),
            None => value,
        }
    };
    let mut pairs = items_of(&items(value, arguments)?)?;
    pairs.sort_by_key(folded);
    if flag(reverse, false) {
        pairs.reverse();
    }
    Ok(Value::from(pairs))
}
