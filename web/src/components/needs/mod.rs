use leptos::prelude::*;

use crate::i18n::t;
use crate::phase::Phase;
use crate::reactive::memo;
use crate::state::State;

/// What a panel about the sequence on the strip needs: a model, a sequence, or the end of the run.
#[component]
pub fn Needs(state: State) -> impl IntoView {
    let sentence = memo(move |_| {
        if state.loaded.with(Option::is_none) {
            Some(t("needs-model"))
        } else if state.strip.len() == 0 {
            Some(t("needs-sequence"))
        } else if state.phase.get() == Phase::Generating {
            Some(t("needs-end"))
        } else {
            None
        }
    });
    move || {
        sentence
            .get()
            .map(|it| view! { <p class="hint" data-testid="needs">{it}</p> })
    }
}
