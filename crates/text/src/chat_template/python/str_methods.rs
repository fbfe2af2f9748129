//! The methods of Python's `str`, counted in characters.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use super::arguments::{Arguments, flag, integer, optional_text, text, width, wrong};
use super::format;
use super::text::{capitalize, is_space, pad, split_lines};

/// Calls a method of a text; `None` if `str` has none of this name.
///
/// # Errors
/// Fails as Python does: for arguments of another kind, or a text that is not found.
pub fn call(this: &str, name: &str, arguments: &Arguments) -> Result<Option<Value>, Error> {
    let all = |is: fn(char) -> bool| Value::from(!this.is_empty() && this.chars().all(is));
    let cased = |is: fn(char) -> bool, other: fn(char) -> bool| {
        Value::from(this.chars().any(is) && !this.chars().any(other))
    };
    let none = || arguments.bind::<0>([]).map(|_| ());
    Ok(Some(match name {
        "upper" => none().map(|()| this.to_uppercase().into())?,
        "lower" => none().map(|()| this.to_lowercase().into())?,
        "casefold" => none().map(|()| {
            this.to_lowercase()
                .replace('ß', "ss")
                .replace('ς', "σ")
                .into()
        })?,
        "capitalize" => none().map(|()| capitalize(this).into())?,
        "title" => none().map(|()| title(this).into())?,
        "swapcase" => none().map(|()| swapcase(this).into())?,
        "isalnum" => all(char::is_alphanumeric),
        "isalpha" => all(char::is_alphabetic),
        "isascii" => Value::from(this.is_ascii()),
        "isdecimal" => all(|c| c.is_numeric() && !is_other_digit(c)),
        "isdigit" => all(char::is_numeric),
        "isnumeric" => all(char::is_numeric),
        "isspace" => all(is_space),
        "isprintable" => Value::from(
            !this
                .chars()
                .any(|c| c.is_control() || (c != ' ' && is_space(c))),
        ),
        "islower" => cased(char::is_lowercase, char::is_uppercase),
        "isupper" => cased(char::is_uppercase, char::is_lowercase),
        "istitle" => Value::from(is_title(this)),
        "isidentifier" => {
            let starts = this.starts_with(|c: char| c.is_alphabetic() || c == '_');
            Value::from(starts && this.chars().all(|c| c.is_alphanumeric() || c == '_'))
        }
        "strip" | "lstrip" | "rstrip" => {
            let [chars] = arguments.bind(["chars"])?;
            let chars = optional_text(chars)?;
            let drop = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
            Value::from(match name {
                "strip" => this.trim_matches(drop),
                "lstrip" => this.trim_start_matches(drop),
                _ => this.trim_end_matches(drop),
            })
        }
        "split" | "rsplit" => {
            let [sep, most] = arguments.bind(["sep", "maxsplit"])?;
            let most = usize::try_from(integer(most, -1)?).ok();
            let parts = match optional_text(sep)? {
                Some("") => return Err(wrong("empty separator")),
                Some(sep) => split(this, sep, most, name == "rsplit"),
                None => split_space(this, most, name == "rsplit"),
            };
            list(parts)
        }
        "splitlines" => {
            let [keep] = arguments.bind(["keepends"])?;
            list(split_lines(this, flag(keep, false)))
        }
        "partition" | "rpartition" => {
            let [sep] = arguments.bind(["sep"])?;
            let sep = text(sep)?;
            let found = match (sep, name) {
                ("", _) => return Err(wrong("empty separator")),
                (_, "partition") => this.split_once(sep),
                _ => this.rsplit_once(sep),
            };
            let parts = match (found, name) {
                (Some((before, after)), _) => [before, sep, after],
                (None, "partition") => [this, "", ""],
                (None, _) => ["", "", this],
            };
            Tuple::from(parts.map(Value::from).to_vec()).into()
        }
        "join" => {
            let [items] = arguments.bind(["iterable"])?;
            let items = items.ok_or_else(|| wrong("join() takes exactly one argument"))?;
            let mut parts = Vec::new();
            for (index, item) in items.try_iter()?.enumerate() {
                let part = item.as_str().map(str::to_owned);
                let kind = item.kind();
                let expected = || {
                    wrong(format!(
                        "sequence item {index}: expected str instance, {kind} found"
                    ))
                };
                parts.push(part.ok_or_else(expected)?);
            }
            Value::from(parts.join(this))
        }
        "replace" => {
            let [old, new, count] = arguments.bind(["old", "new", "count"])?;
            let (old, new) = (text(old)?, text(new)?);
            Value::from(match usize::try_from(integer(count, -1)?) {
                Ok(count) => this.replacen(old, new, count),
                Err(_) => this.replace(old, new),
            })
        }
        "removeprefix" | "removesuffix" => {
            let [affix] = arguments.bind(["affix"])?;
            let affix = text(affix)?;
            let rest = match name {
                "removeprefix" => this.strip_prefix(affix),
                _ => this.strip_suffix(affix),
            };
            Value::from(rest.unwrap_or(this))
        }
        "startswith" | "endswith" => {
            let [affix, start, end] = arguments.bind(["affix", "start", "end"])?;
            let affix = affix.ok_or_else(|| wrong(format!("{name} takes at least 1 argument")))?;
            let part = slice(this, start, end)?.map(|(part, _)| part);
            let fits = |affix: &str| {
                part.is_some_and(|part| match name {
                    "startswith" => part.starts_with(affix),
                    _ => part.ends_with(affix),
                })
            };
            match affix.is_tuple() {
                true => {
                    let mut any = false;
                    for affix in affix.try_iter()? {
                        any |= fits(text(Some(&affix))?);
                    }
                    Value::from(any)
                }
                false => Value::from(fits(text(Some(affix))?)),
            }
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let [sub, start, end] = arguments.bind(["sub", "start", "end"])?;
            let sub = text(sub)?;
            let Some((part, first)) = slice(this, start, end)? else {
                return match name {
                    "count" => Ok(Some(Value::from(0))),
                    "find" | "rfind" => Ok(Some(Value::from(-1))),
                    _ => Err(wrong("substring not found")),
                };
            };
            if name == "count" {
                let count = match sub {
                    "" => part.chars().count() + 1,
                    _ => part.matches(sub).count(),
                };
                return Ok(Some(Value::from(count)));
            }
            let at = match name.starts_with('r') {
                true => part.rfind(sub),
                false => part.find(sub),
            };
            match at {
                Some(at) => Value::from(first + part[..at].chars().count()),
                None if name.ends_with("index") => return Err(wrong("substring not found")),
                None => Value::from(-1),
            }
        }
        "center" | "ljust" | "rjust" => {
            let [to, fill] = arguments.bind(["width", "fillchar"])?;
            let to = width(to, 0)?;
            let fill = optional_text(fill)?.unwrap_or(" ");
            let mut one = fill.chars();
            let (Some(fill), None) = (one.next(), one.next()) else {
                return Err(wrong(
                    "The fill character must be exactly one character long",
                ));
            };
            Value::from(pad(this, to, fill, name))
        }
        "zfill" => {
            let [to] = arguments.bind(["width"])?;
            let missing = width(to, 0)?.saturating_sub(this.chars().count());
            let (sign, digits) = match this.strip_prefix(['+', '-']) {
                Some(digits) => this.split_at(this.len() - digits.len()),
                None => ("", this),
            };
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing)))
        }
        "expandtabs" => {
            let [size] = arguments.bind(["tabsize"])?;
            Value::from(expand_tabs(this, width(size, 8)?))
        }
        "format" => Value::from(format::format(
            this,
            arguments.positional(),
            arguments.keyword(),
        )?),
        "format_map" => {
            let [map] = arguments.bind(["mapping"])?;
            let map = map.ok_or_else(|| wrong("format_map() takes exactly one argument"))?;
            let mut keyword = Vec::new();
            for key in map.try_iter()? {
                keyword.push((key.to_string(), map.get_item(&key)?));
            }
            Value::from(format::format(this, &[], &keyword)?)
        }
        _ => return Ok(None),
    }))
}

/// Superscripts and subscripts are digits, but no decimal ones.
fn is_other_digit(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '⁰'..='⁹' | '₀'..='₉')
}

fn list(parts: Vec<&str>) -> Value {
    Value::from(parts.into_iter().map(Value::from).collect::<Vec<_>>())
}

/// `text[start:end]` and the index of its first character; `None` if it starts behind the end.
fn slice<'t>(
    this: &'t str,
    start: Option<&Value>,
    end: Option<&Value>,
) -> Result<Option<(&'t str, usize)>, Error> {
    let length = this.chars().count() as i64;
    let place = |value: i64| {
        if value < 0 {
            (value + length).max(0)
        } else {
            value
        }
    };
    let start = place(integer(start, 0)?);
    let end = place(integer(end, i64::MAX)?).min(length);
    if start > length || start > end {
        return Ok(None);
    }
    let byte = |place: i64| {
        let mut indices = this.char_indices().map(|(at, _)| at);
        indices.nth(place as usize).unwrap_or(this.len())
    };
    Ok(Some((&this[byte(start)..byte(end)], start as usize)))
}

fn split<'t>(this: &'t str, sep: &str, most: Option<usize>, from_end: bool) -> Vec<&'t str> {
    match (most, from_end) {
        (None, _) => this.split(sep).collect(),
        (Some(most), false) => this.splitn(most.saturating_add(1), sep).collect(),
        (Some(most), true) => {
            let mut parts: Vec<&str> = this.rsplitn(most.saturating_add(1), sep).collect();
            parts.reverse();
            parts
        }
    }
}

fn split_space(this: &str, most: Option<usize>, from_end: bool) -> Vec<&str> {
    let most = most.unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = this.trim_matches(is_space);
    while !rest.is_empty() {
        let at = match from_end {
            true => rest.rfind(is_space),
            false => rest.find(is_space),
        };
        let Some(at) = at.filter(|_| parts.len() < most) else {
            parts.push(rest);
            break;
        };
        let (before, after) = rest.split_at(at);
        let (part, left) = match from_end {
            true => (
                after.trim_start_matches(is_space),
                before.trim_end_matches(is_space),
            ),
            false => (before, after.trim_start_matches(is_space)),
        };
        parts.push(part);
        rest = left;
    }
    if from_end {
        parts.reverse();
    }
    parts
}

fn expand_tabs(this: &str, size: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for c in this.chars() {
        match c {
            '\t' if size == 0 => {}
            '\t' => {
                let count = size - column % size;
                out.push_str(&" ".repeat(count));
                column += count;
            }
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}

fn title(this: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in this.chars() {
        match inside {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    out
}

fn is_title(this: &str) -> bool {
    let (mut inside, mut any) = (false, false);
    for c in this.chars() {
        let (upper, lower) = (c.is_uppercase(), c.is_lowercase());
        if (upper && inside) || (lower && !inside) {
            return false;
        }
        inside = upper || lower;
        any |= inside;
    }
    any
}

fn swapcase(this: &str) -> String {
    let mut out = String::new();
    for c in this.chars() {
        match c.is_uppercase() {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
    }
    out
}

/// The methods of lists and tuples that change nothing in place; `None` if they have none of this name.
///
/// # Errors
/// Fails for a value that is not in the list.
pub fn call_list(this: &Value, name: &str, arguments: &Arguments) -> Result<Option<Value>, Error> {
    match name {
        "count" => {
            let [wanted] = arguments.bind(["value"])?;
            let wanted = wanted.ok_or_else(|| wrong("count() takes exactly one argument"))?;
            let count = this.try_iter()?.filter(|item| item == wanted).count();
            Ok(Some(Value::from(count)))
        }
        "index" => {
            let [wanted, start, end] = arguments.bind(["value", "start", "stop"])?;
            let wanted = wanted.ok_or_else(|| wrong("index expected at least 1 argument"))?;
            let items: Vec<Value> = this.try_iter()?.collect();
            let place = |value: i64| match value < 0 {
                true => (value + items.len() as i64).max(0) as usize,
                false => value as usize,
            };
            let start = place(integer(start, 0)?);
            let end = place(integer(end, i64::MAX)?);
            let mut places = (start..end.min(items.len())).filter(|at| items[*at] == *wanted);
            let found = places.next();
            found
                .map(|at| Some(Value::from(at)))
                .ok_or_else(|| wrong("the value is not in list"))
        }
        "copy" if this.kind() == ValueKind::Seq => Ok(Some(this.clone())),
        _ => Ok(None),
    }
}
