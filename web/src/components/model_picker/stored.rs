use leptos::prelude::*;
use vitrine_protocol::{Command, ModelSource, StoredModel};

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::reactive::memo;
use crate::state::State;
use crate::strings;

/// The stored models, complete or partial.
#[component]
pub fn Stored(state: State, bridge: Bridge) -> impl IntoView {
    let none = memo(move |_| state.stored.with(Vec::is_empty));
    let room = move || state.room.get().map(strings::room);
    let persistent = move || match state.persistent.get() {
        Some(true) => Some(t("stored-stays")),
        Some(false) => Some(t("stored-may-go")),
        None => None,
    };
    view! {
        <div class="picker-way picker-stored" data-testid="stored">
            <h3>{t("stored-heading")}</h3>
            <Show
                when=move || !none.get()
                fallback=|| view! { <p class="hint">{t("stored-none")}</p> }
            >
                <ul class="stored-list">
                    {move || {
                        let row = |model| view! { <Row model state bridge /> };
                        state.stored.get().into_iter().map(row).collect_view()
                    }}
                </ul>
            </Show>
            <p class="hint" data-testid="storage-room">
                {room} " " {move || (!none.get()).then(persistent)}
            </p>
            <Show when=move || !none.get()>
                <div class="button-row">
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="delete-all"
                        on:click=move |_| bridge.send(&Command::ForgetModels)
                    >
                        {t("stored-delete-all")}
                    </button>
                </div>
            </Show>
        </div>
    }
}

/// A stored model and its buttons.
#[component]
fn Row(model: StoredModel, state: State, bridge: Bridge) -> impl IntoView {
    let StoredModel {
        key,
        source,
        name,
        done,
        bytes,
        complete,
    } = model;
    let shown = strings::model_name(&name).to_owned();
    let action = if complete {
        t("stored-load")
    } else {
        t("stored-resume")
    };
    // An interrupted copy needs its files again.
    let can_load = complete || !matches!(source, ModelSource::Kept { .. });
    let load_label = strings::of_model(action, &shown);
    let delete_label = strings::of_model(t("stored-delete"), &shown);
    let stored_key = key.clone();
    let load_button = can_load.then(|| {
        view! {
            <button
                type="button"
                class="button button-quiet"
                data-testid="stored-load"
                aria-label=load_label
                on:click=move |_| bridge.send(&state.load(source.clone()))
            >
                {action}
            </button>
        }
    });
    view! {
        <li
            class="stored-row"
            data-testid="stored-model"
            data-key=stored_key
            data-bytes=bytes.to_string()
            data-done=done.to_string()
            data-complete=complete.to_string()
        >
            <span class="stored-name">{shown}</span>
            <span class="stored-size">{strings::stored_size(done, bytes, complete)}</span>
            <span class="stored-buttons">
                {load_button}
                <button
                    type="button"
                    class="button button-quiet"
                    data-testid="stored-delete"
                    aria-label=delete_label
                    on:click=move |_| bridge.send(&Command::ForgetModel { key: key.clone() })
                >
                    {t("stored-delete")}
                </button>
            </span>
        </li>
    }
}
