use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::state::State;
use crate::{hub, persistence};

/// Loads a model of the hub by its id.
#[component]
pub fn FromHub(state: State, bridge: Bridge) -> impl IntoView {
    let id = state.settings.hub_id;
    let wrong = RwSignal::new(false);
    let fetch = move || match hub::parse(&id.get_untracked()) {
        Some(source) => {
            wrong.set(false);
            persistence::ask(state.persistent);
            bridge.send(&state.load(source));
        }
        None => wrong.set(true),
    };
    view! {
        <form
            class="picker-way"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                fetch();
            }
        >
            <h3>{t("hub-heading")}</h3>
            <div class="field">
                <label class="field-label" for="hub-id">{t("hub-id-label")}</label>
                <input
                    id="hub-id"
                    class="text"
                    type="text"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder="microsoft/Phi-3-mini-4k-instruct"
                    data-testid="hub-id"
                    aria-describedby="hub-id-hint"
                    aria-invalid=move || wrong.get().then_some("true")
                    prop:value=move || id.get()
                    on:input=move |event| {
                        wrong.set(false);
                        id.set(event_target_value(&event));
                    }
                />
                <p
                    id="hub-id-hint"
                    class=move || if wrong.get() { "hint-wrong" } else { "hint" }
                    role=move || wrong.get().then_some("alert")
                    data-testid="hub-id-hint"
                >
                    {move || if wrong.get() { t("hub-id-wrong") } else { t("hub-id-hint") }}
                </p>
            </div>
            <div class="field">
                <label class="field-label" for="hub-token">{t("hub-token-label")}</label>
                <input
                    id="hub-token"
                    class="text"
                    type="password"
                    autocomplete="off"
                    spellcheck="false"
                    placeholder="hf_…"
                    data-testid="hub-token"
                    aria-describedby="hub-token-hint"
                    prop:value=move || state.token.get()
                    on:input=move |event| state.token.set(event_target_value(&event))
                />
                <p id="hub-token-hint" class="hint">{t("hub-token-hint")}</p>
            </div>
            <div class="button-row">
                <button type="submit" class="button button-primary" data-testid="hub-load">
                    {t("hub-fetch")}
                </button>
            </div>
        </form>
    }
}
