//! The model hub's address, and the names of its models.

use leptos::prelude::document;
use vitrine_protocol::ModelSource;

/// The default hub, unless `index.html` names another.
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// The hub's address: the `content` of `<meta name="vitrine-hub">`. The Content-Security-Policy there must allow the
/// same address.
pub fn endpoint() -> String {
    let found = document()
        .query_selector("meta[name=vitrine-hub]")
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"));
    let endpoint = found.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
    endpoint.trim_end_matches('/').to_owned()
}

/// Parses a model of the hub as typed by the user: `owner/name`, `owner/name@revision`, either with `/file.gguf`
/// after the name, or the address of its page or file. `None` for anything else.
pub fn parse(text: &str) -> Option<ModelSource> {
    let text = text.trim();
    if let Some((_, path)) = text.split_once("://") {
        let (_host, path) = path.split_once('/')?;
        let path = path.split(['?', '#']).next()?.trim_end_matches('/');
        let parts: Vec<&str> = path.splitn(5, '/').collect();
        return match parts.as_slice() {
            [owner, name] => source(&format!("{owner}/{name}"), "main", None),
            [owner, name, "tree", revision] => source(&format!("{owner}/{name}"), revision, None),
            [owner, name, "blob" | "resolve", revision, file] => {
                source(&format!("{owner}/{name}"), revision, Some(file))
            }
            _ => None,
        };
    }
    let (path, revision) = text.split_once('@').unwrap_or((text, "main"));
    let mut parts = path.splitn(3, '/');
    let (first, name, file) = (parts.next()?, parts.next(), parts.next());
    match name {
        Some(name) => source(&format!("{first}/{name}"), revision, file),
        None => source(first, revision, None),
    }
}

/// The text from which `parse` makes this model; empty for models that are not of the hub.
pub fn id_of(source: &ModelSource) -> String {
    let ModelSource::Hub { id, revision, file } = source else {
        return String::new();
    };
    let mut text = id.clone();
    if let Some(file) = file {
        text = format!("{text}/{file}");
    }
    if revision != "main" {
        text = format!("{text}@{revision}");
    }
    text
}

fn source(id: &str, revision: &str, file: Option<&str>) -> Option<ModelSource> {
    let is_name = |part: &str| {
        let allowed = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        !part.is_empty() && part.len() <= 96 && part.chars().all(allowed) && !part.contains("..")
    };
    let is_plain = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    if !id.split('/').all(is_name) || !is_plain(revision) || !file.is_none_or(is_plain) {
        return None;
    }
    Some(ModelSource::Hub {
        id: id.to_owned(),
        revision: revision.to_owned(),
        file: file.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String, Option<String>)> {
        match parse(text)? {
            ModelSource::Hub { id, revision, file } => Some((id, revision, file)),
            _ => None,
        }
    }

    #[test]
    fn ids_are_read_with_revision_and_file() {
        let is = |text: &str, id: &str, revision: &str, file: Option<&str>| {
            let wanted = (id.to_owned(), revision.to_owned(), file.map(str::to_owned));
            assert_eq!(parsed(text), Some(wanted), "{text}");
        };
        is("gpt2", "gpt2", "main", None);
        is(" openai/gpt-2.5_x ", "openai/gpt-2.5_x", "main", None);
        is("a/b@refs/pr/1", "a/b", "refs/pr/1", None);
        is("a/b/c-Q4_K.gguf@v1", "a/b", "v1", Some("c-Q4_K.gguf"));
        is("https://huggingface.co/a/b", "a/b", "main", None);
        is("https://huggingface.co/a/b/tree/v1", "a/b", "v1", None);
        is(
            "https://huggingface.co/a/b/resolve/main/c.gguf?download=true",
            "a/b",
            "main",
            Some("c.gguf"),
        );
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "a/",
            "/b",
            "a b/c",
            "a/b@",
            "a/../b",
            "https://huggingface.co/a",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
