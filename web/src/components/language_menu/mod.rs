use leptos::prelude::*;

use crate::i18n::{Language, t};
use crate::settings::Settings;

/// The page's language. Choosing another rebuilds the page in that language.
#[component]
pub fn LanguageMenu(settings: Settings) -> impl IntoView {
    view! {
        <select
            class="select"
            data-testid="language"
            aria-label=t("language-label")
            on:change=move |event| settings.language.set(Language::of_tag(&event_target_value(&event)))
        >
            {Language::ALL.map(|language| view! {
                <option
                    value=language.tag()
                    lang=language.tag()
                    selected=move || settings.language.get() == language
                >
                    {language.name()}
                </option>
            })}
        </select>
    }
}
