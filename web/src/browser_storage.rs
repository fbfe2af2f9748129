//! Small texts that survive a reload. If the browser refuses, nothing is kept.

use leptos::prelude::window;
use web_sys::Storage;

/// How long a text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For this tab: what the user typed, which others at this computer should not see.
    Tab,
    /// For this browser: the user's preferences.
    Browser,
}

/// Returns the text stored under `key`.
pub fn get(keep: Keep, key: &str) -> Option<String> {
    storage(keep)?.get_item(key).ok()?
}

/// Stores `value` under `key`.
pub fn set(keep: Keep, key: &str, value: &str) {
    if let Some(storage) = storage(keep) {
        let _ = storage.set_item(key, value);
    }
}

fn storage(keep: Keep) -> Option<Storage> {
    match keep {
        Keep::Tab => window().session_storage(),
        Keep::Browser => window().local_storage(),
    }
    .ok()?
}
