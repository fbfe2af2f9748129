mod from_hub;
mod from_site;
mod local;
mod stored;

use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::state::State;
use from_hub::FromHub;
use from_site::FromSite;
use local::Local;
use stored::Stored;

/// Element id of the picker, which the header's button controls.
pub const PICKER_ID: &str = "model-picker";

/// The sources of models. Nothing is downloaded without the user's request.
#[component]
pub fn ModelPicker(state: State, bridge: Bridge) -> impl IntoView {
    let can_close = move || state.phase.get().has_model();
    view! {
        <section id=PICKER_ID class="panel picker" aria-labelledby="picker-heading" data-testid="load-panel">
            <div class="picker-head">
                <h2 id="picker-heading">{t("picker-heading")}</h2>
                <Show when=can_close>
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="close-picker"
                        on:click=move |_| state.picking.set(false)
                    >
                        {t("picker-close")}
                    </button>
                </Show>
                <p class="picker-explanation">{t("picker-explanation")}</p>
            </div>
            <div class="picker-ways">
                <FromSite state bridge />
                <Local state bridge />
                <FromHub state bridge />
                <Stored state bridge />
            </div>
        </section>
    }
}
