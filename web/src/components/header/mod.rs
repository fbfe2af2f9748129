use leptos::prelude::*;
use vitrine_protocol::ModelSource;

use crate::components::language_menu::LanguageMenu;
use crate::components::model_picker::PICKER_ID;
use crate::components::presenter::Presenter;
use crate::components::theme_button::ThemeButton;
use crate::i18n::t;
use crate::reactive::memo;
use crate::state::{Loaded, State};
use crate::{format, strings};

/// Brand, status, and the loaded model.
#[component]
pub fn Header(state: State) -> impl IntoView {
    view! {
        <header class="header">
            <div class="header-brand">
                <img class="header-icon" src="icon.svg" alt="" width="32" height="32" />
                <div>
                    <h1 class="header-title">{t("brand")}</h1>
                    <p class="header-tagline">{t("tagline")}</p>
                </div>
            </div>
            <ModelChip state />
            <div class="header-tools">
                <p
                    class="status"
                    data-testid="status"
                    data-state=move || state.phase.get().name()
                >
                    {move || strings::status(state.phase.get())}
                </p>
                <Show when=move || state.phase.get().has_model()>
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="change-model"
                        aria-expanded=move || state.picking.get().to_string()
                        aria-controls=PICKER_ID
                        on:click=move |_| state.picking.update(|picking| *picking = !*picking)
                    >
                        {t("picker-change")}
                    </button>
                </Show>
                <Presenter state />
                <LanguageMenu settings=state.settings />
                <ThemeButton settings=state.settings />
            </div>
        </header>
    }
}

/// The model's properties, the adapter and the speed; only the adapter while there is no model.
#[component]
fn ModelChip(state: State) -> impl IntoView {
    let strip = state.strip;
    let speed = memo(move |_| strip.rate());
    let model = move |text: fn(&Loaded) -> String| {
        move || state.loaded.with(|loaded| loaded.as_ref().map(text))
    };
    view! {
        <dl class="chip" aria-label=t("chip-label") data-testid="model-chip">
            <ChipItem name=t("chip-model") value=model(|it| it.model.name.clone()) testid="model-name" />
            <ChipItem
                name=t("chip-parameters")
                value=model(|it| format::parameters(it.model.parameters))
                testid="model-parameters"
            />
            <ChipItem name=t("chip-format") value=model(|it| it.model.format.clone()) testid="model-format" />
            <ChipItem
                name=t("chip-memory")
                value=model(|it| format::bytes(it.model.weight_bytes))
                testid="model-bytes"
            />
            <ChipItem
                name=t("chip-adapter")
                value=move || state.adapter.with(|it| it.as_ref().map(strings::adapter))
                testid="adapter"
            />
            <Show when=move || state.loaded.with(Option::is_some)>
                <div
                    class="chip-item"
                    data-testid="from-storage"
                    data-wasm-bytes=model(|it| it.wasm_bytes.to_string())
                    data-value=move || {
                        state.loaded.with(|it| it.as_ref().is_some_and(|it| it.from_storage)).to_string()
                    }
                >
                    <dt>{t("chip-loaded")}</dt>
                    <dd>{model(load_text)}</dd>
                </div>
            </Show>
            <ChipItem
                name=t("chip-speed")
                value=move || speed.get().map(|rate| {
                    format!("{} {}", format::rate(rate), t("speed-unit"))
                })
                testid="chip-speed"
            />
        </dl>
    }
}

/// A label and value of the chip; hidden without a value.
#[component]
fn ChipItem(
    name: &'static str,
    value: impl Fn() -> Option<String> + Send + Sync + 'static,
    testid: &'static str,
) -> impl IntoView {
    let value = memo(move |_| value());
    view! {
        <Show when=move || value.with(Option::is_some)>
            <div class="chip-item">
                <dt>{name}</dt>
                <dd data-testid=testid>{move || value.get()}</dd>
            </div>
        </Show>
    }
}

fn load_text(loaded: &Loaded) -> String {
    let origin = match loaded.source {
        _ if loaded.from_storage => t("from-storage"),
        Some(ModelSource::Local { .. }) => t("from-files"),
        _ => t("from-network"),
    };
    format!("{}, {origin}", format::seconds(loaded.load_s))
}
