use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

use crate::i18n::t;
use crate::phase::Phase;
use crate::state::State;

/// Whether the page works offline, as reported by `web/static/offline.js`.
#[component]
pub fn OfflineNote(state: State) -> impl IntoView {
    let kept = follow_kept();
    let online = RwSignal::new(window().navigator().on_line());
    // The handler lives as long as the page, while the signal of a removed note is disposed.
    for name in ["online", "offline"] {
        listen(&window(), name, move || {
            online.try_set(window().navigator().on_line());
        });
    }
    let words = move || {
        let model = state.stored.with(|all| all.iter().any(|it| it.complete));
        match kept.get().as_str() {
            "ready" | "update" if model => t("offline-ready"),
            "ready" | "update" => t("offline-ready-no-model"),
            "keeping" => t("offline-keeping"),
            "none" => t("offline-none"),
            _ => "",
        }
    };
    view! {
        <p
            class="offline-note"
            data-testid="offline"
            data-state=move || kept.get()
            data-online=move || online.get().to_string()
        >
            <Show when=move || !online.get()>
                <strong class="offline-sign">{t("offline-now")}</strong>
                " "
            </Show>
            {words}
        </p>
    }
}

/// The note that a new build is available, with a button that reloads the page; disabled while the model is busy.
#[component]
pub fn UpdateNote(state: State) -> impl IntoView {
    let kept = follow_kept();
    let busy = move || matches!(state.phase.get(), Phase::Loading | Phase::Generating);
    view! {
        <Show when=move || kept.get() == "update">
            <p class="panel update-note" role="status">
                <span>{t("offline-update")}</span>
                <button
                    type="button"
                    class="button"
                    data-testid="reload"
                    disabled=busy
                    on:click=move |_| {
                        // `offline.js` activates the new build at the next start.
                        let _ = window().location().reload();
                    }
                >
                    {t("offline-reload")}
                </button>
            </p>
        </Show>
    }
}

/// The state of `offline.js`, as a signal.
fn follow_kept() -> RwSignal<String> {
    let signal = RwSignal::new(kept());
    // The handler lives as long as the page, while the signal of a removed note is disposed.
    listen(&document(), "vitrine-offline", move || {
        signal.try_set(kept());
    });
    signal
}

/// The state of `offline.js`; empty before it reports one.
fn kept() -> String {
    let root = document().document_element();
    root.and_then(|root| root.get_attribute("data-offline"))
        .unwrap_or_default()
}

fn listen(target: &web_sys::EventTarget, name: &str, handler: impl FnMut() + 'static) {
    let handler = Closure::<dyn FnMut()>::new(handler);
    let _ = target.add_event_listener_with_callback(name, handler.as_ref().unchecked_ref());
    handler.forget();
}
