use leptos::prelude::*;

use crate::i18n::t;
use crate::reactive::effect;
use crate::settings::{Settings, Theme};

/// Cycles through system, light and dark colours.
#[component]
pub fn ThemeButton(settings: Settings) -> impl IntoView {
    effect(move || {
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-theme", settings.theme.get().name());
        }
    });
    view! {
        <button
            type="button"
            class="button button-quiet theme-button"
            data-testid="theme"
            on:click=move |_| settings.next_theme()
        >
            {move || label(settings.theme.get())}
        </button>
    }
}

fn label(theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => t("theme-system"),
        Theme::Light => t("theme-light"),
        Theme::Dark => t("theme-dark"),
    }
}
