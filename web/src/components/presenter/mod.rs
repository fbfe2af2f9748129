mod freeze;
mod keys;
mod picture;
mod spotlight;

pub use freeze::{Freeze, FreezeBadge};
use leptos::ev;
use leptos::prelude::*;

use crate::i18n::t;
use crate::reactive::effect;
use crate::state::State;

/// The button of the presenter mode for projectors, with its tools: spotlight, freeze, and the list of keys.
#[component]
pub fn Presenter(state: State) -> impl IntoView {
    let presenting = state.presenting;
    let listed = RwSignal::new(false);
    effect(move || {
        if let Some(root) = document().document_element() {
            let _ = root.toggle_attribute_with_force("data-presenting", presenting.get());
        }
        if !presenting.get() {
            state.spotlight.set(false);
            listed.set(false);
        }
    });
    let pressed = window_event_listener(ev::keydown, move |event| {
        if presenting.get_untracked() && !keys::is_taken(&event) {
            keys::on_key(state, listed, &event);
        }
    });
    on_cleanup(move || pressed.remove());
    spotlight::follow(state);
    view! {
        <button
            type="button"
            class="button button-quiet"
            data-testid="present"
            aria-pressed=move || presenting.get().to_string()
            title=t("presenter-hint")
            on:click=move |_| presenting.update(|it| *it = !*it)
        >
            {t("presenter")}
        </button>
        <Show when=move || presenting.get()>
            {tool("spotlight", "S", t("presenter-spotlight"), state.spotlight)}
            {tool("freeze", "F", t("presenter-freeze"), state.frozen)}
            {tool("presenter-keys", "?", t("presenter-keys"), listed)}
        </Show>
        <Show when=move || listed.get()>
            <dl class="presenter-keys" data-testid="presenter-key-list">
                {keys::list()
                    .into_iter()
                    .map(|(key, what)| {
                        view! {
                            <div class="presenter-key">
                                <dt><kbd>{key}</kbd></dt>
                                <dd>{what}</dd>
                            </div>
                        }
                    })
                    .collect_view()}
            </dl>
        </Show>
    }
}

/// A toggle button with its keyboard shortcut.
fn tool(
    id: &'static str,
    key: &'static str,
    name: &'static str,
    is_on: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="button button-quiet presenter-tool"
            data-testid=id
            aria-pressed=move || is_on.get().to_string()
            aria-keyshortcuts=key
            on:click=move |_| is_on.update(|it| *it = !*it)
        >
            {name}
            <kbd aria-hidden="true">{key}</kbd>
        </button>
    }
}
