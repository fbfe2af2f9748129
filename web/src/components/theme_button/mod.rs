use leptos::prelude::*;

use crate::reactive::effect;
use crate::settings::Settings;
use crate::strings;

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
            {move || strings::theme(settings.theme.get())}
        </button>
    }
}
