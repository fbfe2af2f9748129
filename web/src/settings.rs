//! The user's input and preferences, which survive a reload, a lost device and a failure.

use leptos::prelude::{Get, RwSignal, Update, window};

use crate::browser_storage::{self, Keep};
use crate::i18n::Language;
use crate::reactive::effect;
use crate::sampling_settings::SamplingSettings;
use crate::strings;

const PROMPT: &str = "vitrine.prompt";
const CHAT: &str = "vitrine.chat";
const MAX_NEW_TOKENS: &str = "vitrine.max_new_tokens";
const HUB_ID: &str = "vitrine.hub_id";
const KEEP_PICKED: &str = "vitrine.keep_picked";
const LANGUAGE: &str = "vitrine.language";
const SHOW_IDS: &str = "vitrine.show_ids";
/// Also read by `theme.js`, before the first paint.
const THEME: &str = "vitrine.theme";

/// Default number of new tokens.
const DEFAULT_MAX_NEW_TOKENS: &str = "48";

/// The user's input and preferences.
#[derive(Clone, Copy)]
pub struct Settings {
    /// The prompt.
    pub prompt: RwSignal<String>,
    /// Whether to apply the chat template to the prompt.
    pub chat: RwSignal<bool>,
    /// Whether the prompt is token ids instead of text.
    pub as_ids: RwSignal<bool>,
    /// The hub id that was entered last.
    pub hub_id: RwSignal<String>,
    /// Whether picked files are copied into the browser's storage.
    pub keep_picked: RwSignal<bool>,
    /// The text of the number field, which may not be a valid number.
    pub max_new_tokens: RwSignal<String>,
    /// Whether token chips show ids.
    pub show_ids: RwSignal<bool>,
    /// Light, dark or as set in the system.
    pub theme: RwSignal<Theme>,
    /// The page's language.
    pub language: RwSignal<Language>,
    /// A pinned token; empty for none.
    pub pinned: RwSignal<String>,
    /// Sampling parameters.
    pub sampling: SamplingSettings,
}

/// The colour scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Follows the system.
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The value of the `data-theme` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme that follows this one in the button's cycle.
    pub fn next(self) -> Self {
        match self {
            Self::Auto => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::Auto,
        }
    }
}

impl Settings {
    /// Restores the stored settings, and stores changes from now on.
    pub fn restore() -> Self {
        let text = |keep, key, default: &str| {
            RwSignal::new(browser_storage::get(keep, key).unwrap_or_else(|| default.to_owned()))
        };
        let flag = |key| {
            RwSignal::new(browser_storage::get(Keep::Browser, key).as_deref() == Some("true"))
        };
        let theme = match browser_storage::get(Keep::Browser, THEME).as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        };
        let settings = Self {
            prompt: text(Keep::Tab, PROMPT, strings::EXAMPLES[0]),
            chat: flag(CHAT),
            as_ids: RwSignal::new(false),
            hub_id: text(Keep::Tab, HUB_ID, ""),
            keep_picked: flag(KEEP_PICKED),
            max_new_tokens: text(Keep::Browser, MAX_NEW_TOKENS, DEFAULT_MAX_NEW_TOKENS),
            show_ids: flag(SHOW_IDS),
            theme: RwSignal::new(theme),
            language: RwSignal::new(language()),
            pinned: RwSignal::new(String::new()),
            sampling: SamplingSettings::new(),
        };
        settings.keep();
        settings
    }

    /// The number of new tokens; `None` unless the field holds an integer of at least 1.
    pub fn max_new_tokens(&self) -> Option<u32> {
        self.max_new_tokens
            .get()
            .trim()
            .parse()
            .ok()
            .filter(|&count| count >= 1)
    }

    /// Switches to the next theme.
    pub fn next_theme(&self) {
        self.theme.update(|theme| *theme = theme.next());
    }

    fn keep(self) {
        effect(move || browser_storage::set(Keep::Tab, PROMPT, &self.prompt.get()));
        effect(move || {
            browser_storage::set(Keep::Browser, MAX_NEW_TOKENS, &self.max_new_tokens.get());
        });
        effect(move || {
            browser_storage::set(Keep::Browser, CHAT, &self.chat.get().to_string());
        });
        effect(move || browser_storage::set(Keep::Tab, HUB_ID, &self.hub_id.get()));
        effect(move || {
            browser_storage::set(
                Keep::Browser,
                KEEP_PICKED,
                &self.keep_picked.get().to_string(),
            );
        });
        effect(move || {
            browser_storage::set(Keep::Browser, SHOW_IDS, &self.show_ids.get().to_string());
        });
        effect(move || {
            browser_storage::set(Keep::Browser, THEME, self.theme.get().name());
        });
        effect(move || {
            browser_storage::set(Keep::Browser, LANGUAGE, self.language.get().tag());
        });
    }
}

/// The chosen language, else the browser's.
fn language() -> Language {
    let tag = browser_storage::get(Keep::Browser, LANGUAGE)
        .or_else(|| window().navigator().language())
        .unwrap_or_default();
    Language::of_tag(&tag)
}
