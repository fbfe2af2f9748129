use leptos::prelude::*;
use vitrine_protocol::Command;

use crate::bridge::Bridge;
use crate::components::offline_note::OfflineNote;
use crate::i18n::t;
use crate::state::State;

/// The page's promises, and the button that deletes stored models.
#[component]
pub fn Footer(state: State, bridge: Bridge) -> impl IntoView {
    let kept = move || {
        state
            .stored
            .with(|stored| stored.iter().any(|model| model.complete))
    };
    view! {
        <footer class="footer">
            <p>{t("footer-private")}" "{t("footer-measured")}</p>
            <OfflineNote state />
            <Show when=kept>
                <button
                    type="button"
                    class="button button-quiet"
                    data-testid="forget"
                    on:click=move |_| bridge.send(&Command::ForgetModels)
                >
                    {t("forget")}
                </button>
            </Show>
        </footer>
    }
}
