use leptos::prelude::*;
use vitrine_protocol::SiteModel;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::state::State;
use crate::{persistence, strings};

/// The site's own models.
#[component]
pub fn FromSite(state: State, bridge: Bridge) -> impl IntoView {
    let buttons = move || {
        let models = state.models.get().unwrap_or_default();
        let button = move |model: SiteModel| {
            let SiteModel {
                source,
                name,
                bytes,
                ..
            } = model;
            let label = strings::load_button(&name, bytes);
            view! {
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="load"
                    data-model=name
                    on:click=move |_| {
                        persistence::ask(state.persistent);
                        bridge.send(&state.load(source.clone()));
                    }
                >
                    {label}
                </button>
            }
        };
        models.into_iter().map(button).collect_view()
    };
    let none = move || {
        state
            .models
            .with(|models| models.as_ref().is_none_or(Vec::is_empty))
    };
    let text = move || {
        if none() {
            t("site-none")
        } else {
            t("site-explanation")
        }
    };
    view! {
        <div class="picker-way">
            <h3>{t("site-heading")}</h3>
            <div class="button-row">{buttons}</div>
            <p class="hint">{text}</p>
        </div>
    }
}
