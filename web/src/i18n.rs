//! The page's text in the reader's language, from Fluent files (`web/locales`).
//!
//! Views look up texts while they are built, and a change of language rebuilds the views, so texts need no signals.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use leptos::prelude::document;

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    En,
    /// Traditional Chinese as written in Taiwan.
    ZhTw,
}

impl Language {
    /// All languages, in the order of the menu.
    pub const ALL: [Self; 2] = [Self::En, Self::ZhTw];

    /// BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhTw => "zh-TW",
        }
    }

    /// The language's name in that language.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::ZhTw => "繁體中文",
        }
    }

    /// `ltr` or `rtl`.
    pub fn direction(self) -> &'static str {
        match self {
            Self::En | Self::ZhTw => "ltr",
        }
    }

    /// The language with this tag, or else the closest one.
    pub fn of_tag(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("zh") {
            Self::ZhTw
        } else {
            Self::En
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::En => include_str!("../locales/en.ftl"),
            Self::ZhTw => include_str!("../locales/zh-TW.ftl"),
        }
    }
}

type Bundle = FluentBundle<FluentResource>;

thread_local! {
    static LANGUAGE: Cell<Language> = const { Cell::new(Language::En) };
    static BUNDLES: RefCell<HashMap<Language, Bundle>> = RefCell::default();
    static PLAIN: RefCell<HashMap<(Language, &'static str), &'static str>> = RefCell::default();
}

/// Sets the language of the page and its `lang` attribute.
pub fn speak(language: Language) {
    LANGUAGE.set(language);
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("lang", language.tag());
        let _ = root.set_attribute("dir", language.direction());
    }
}

/// The current language.
pub fn language() -> Language {
    LANGUAGE.get()
}

/// The text of a message without arguments. Each is formatted once and kept, so that it is `'static`.
pub fn t(id: &'static str) -> &'static str {
    let key = (language(), id);
    PLAIN.with_borrow_mut(|plain| {
        *plain
            .entry(key)
            .or_insert_with(|| Box::leak(say(id, None).into_boxed_str()))
    })
}

/// The text of a message with arguments; `t!` is the short form.
pub fn t_with(id: &'static str, arguments: &[(&'static str, FluentValue<'_>)]) -> String {
    let arguments: FluentArgs = arguments.iter().cloned().collect();
    say(id, Some(&arguments))
}

mod short {
    /// `t!("shards", done = 1, total = 2)`.
    macro_rules! t {
        ($id:literal, $($name:ident = $value:expr),+ $(,)?) => {
            $crate::i18n::t_with($id, &[$((stringify!($name), $value.into())),+])
        };
    }
    pub(crate) use t;
}
pub(crate) use short::t;

/// The message in the current language, else in English.
fn say(id: &str, arguments: Option<&FluentArgs>) -> String {
    let said = say_in(language(), id, arguments);
    said.or_else(|| say_in(Language::En, id, arguments))
        .unwrap_or_else(|| id.to_owned())
}

fn say_in(language: Language, id: &str, arguments: Option<&FluentArgs>) -> Option<String> {
    BUNDLES.with_borrow_mut(|bundles| {
        let bundle = bundles.entry(language).or_insert_with(|| bundle(language));
        let pattern = bundle.get_message(id)?.value()?;
        // Missing arguments appear as their names; a test checks that there are none.
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, arguments, &mut errors);
        Some(text.into_owned())
    })
}

fn bundle(language: Language) -> Bundle {
    let tags = language.tag().parse().into_iter().collect();
    let mut bundle = FluentBundle::new(tags);
    // Isolation marks are needed only for mixed directions, and would be copied with the text.
    bundle.set_use_isolating(language.direction() == "rtl");
    // Lines with syntax errors are skipped; a test checks that there are none.
    let resource = FluentResource::try_new(language.source().to_owned());
    let resource = resource.unwrap_or_else(|(resource, _)| resource);
    // A test checks that no message is defined twice.
    let _ = bundle.add_resource(resource);
    bundle
}

#[cfg(test)]
mod tests;
