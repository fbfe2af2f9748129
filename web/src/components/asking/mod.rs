use leptos::prelude::*;

use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::state::State;

/// Where the answer to a panel's question is: what is missing, how far it is, why there is none.
#[component]
pub fn Asking(state: State, inquiry: Inquiry) -> impl IntoView {
    let line = move || {
        if let Some(failure) = inquiry.failure.get() {
            return failure;
        }
        if state.loaded.with(Option::is_none) {
            return String::from(t("asking-no-model"));
        }
        if state.strip.len() == 0 {
            return String::from(t("asking-no-sequence"));
        }
        if inquiry.pending() {
            return match inquiry.progress.get() {
                Some((done, total)) => t!("asking-steps", done = done, total = total),
                None => t("asking-pending").to_owned(),
            };
        }
        if state.phase.get() == Phase::Generating {
            return String::from(t("asking-generating"));
        }
        String::new()
    };
    let line = Memo::new(move |_| line());
    view! {
        <p
            class="hint asking"
            class:hint-wrong=move || inquiry.failure.with(Option::is_some)
            role="status"
            data-testid="asking"
            data-pending=move || inquiry.pending().to_string()
        >
            {move || line.get()}
        </p>
    }
}
