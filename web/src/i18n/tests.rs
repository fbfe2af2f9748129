//! Checks that all languages have the same messages, and that these include all messages that the page uses.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::{fs, path::Path};

use fluent_bundle::FluentResource;

use super::{Language, bundle};

/// The messages of a language, each with the arguments that it uses.
fn messages(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in source.lines() {
        if let Some((id, _)) = line.split_once(" =")
            && line.starts_with(|it: char| it.is_ascii_lowercase())
        {
            current = id.to_owned();
            let twice = messages.insert(current.clone(), BTreeSet::new());
            assert!(twice.is_none(), "{id} is defined twice");
        }
        for (at, _) in line.match_indices('$') {
            let name = line[at + 1..]
                .split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
                .next();
            messages
                .get_mut(&current)
                .unwrap()
                .insert(name.unwrap().to_owned());
        }
    }
    messages
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_language_reads_without_errors_and_has_the_same_messages() {
    let english = messages(Language::En.source());
    for language in Language::ALL {
        let read = FluentResource::try_new(language.source().to_owned());
        assert!(read.is_ok(), "{}: {:?}", language.tag(), read.err());
        let there = messages(language.source());
        let missing: Vec<_> = english
            .keys()
            .filter(|id| !there.contains_key(*id))
            .collect();
        assert!(missing.is_empty(), "{} lacks {missing:?}", language.tag());
        let more: Vec<_> = there
            .keys()
            .filter(|id| !english.contains_key(*id))
            .collect();
        assert!(more.is_empty(), "only {} has {more:?}", language.tag());
        for (id, arguments) in &there {
            assert_eq!(arguments, &english[id], "{}: {id}", language.tag());
        }
    }
}

#[test]
fn the_page_asks_for_what_is_there_and_nothing_is_left_over() {
    let mut code = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut code,
    );
    let english = messages(Language::En.source());
    let bundle = bundle(Language::En);
    // White space is removed to find calls that are broken over lines.
    let code: String = code.split_whitespace().collect::<Vec<_>>().join("");
    let mut asked = BTreeSet::new();
    for call in ["t(\"", "t!(\""] {
        for (at, _) in code.match_indices(call) {
            let alone = !code[..at].ends_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
            let id = code[at + call.len()..].split('"').next().unwrap();
            if alone && id != "…" {
                assert!(bundle.has_message(id), "the message {id:?} is not defined");
                asked.insert(id.to_owned());
            }
        }
    }
    let unused: Vec<_> = english.keys().filter(|id| !asked.contains(*id)).collect();
    assert!(unused.is_empty(), "unused messages: {unused:?}");
}
