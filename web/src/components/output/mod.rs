use leptos::html;
use leptos::prelude::*;

use crate::i18n::t;
use crate::reactive::{effect, memo};
use crate::strip::Strip;

/// The prompt and the generated text.
#[component]
pub fn Output(strip: Strip) -> impl IntoView {
    let empty = memo(move |_| strip.prompt_text.with(String::is_empty));
    let place = NodeRef::<html::P>::new();
    effect(move || {
        strip.text.track();
        if let Some(place) = place.get() {
            place.set_scroll_top(place.scroll_height());
        }
    });
    view! {
        <section class="panel output" aria-labelledby="output-heading">
            <h2 id="output-heading">{t("output-heading")}</h2>
            <p node_ref=place class="output-text" dir="auto" tabindex="0" aria-labelledby="output-heading">
                <span
                    class="output-prompt"
                    class:output-question=move || strip.chat.get()
                    data-testid="output-prompt"
                >
                    {move || strip.prompt_text.get()}
                </span>
                <span class="output-new" data-testid="output">{move || strip.text.get()}</span>
                <Show when=move || empty.get()>
                    <span class="hint">{t("output-empty")}</span>
                </Show>
            </p>
        </section>
    }
}
