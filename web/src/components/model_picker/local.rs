use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, File, HtmlInputElement};

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::local_files::{self, Picked};
use crate::persistence;
use crate::state::State;

/// File extensions of models, which browsers show first.
const ACCEPT: &str = ".gguf,.safetensors,.json,.jinja";

/// Picks files and folders of this computer.
#[component]
pub fn Local(state: State, bridge: Bridge) -> impl IntoView {
    let keep = state.settings.keep_picked;
    let on_pick = move |event: Event| {
        let input: HtmlInputElement = event_target(&event);
        let files = files_in(&input);
        // Otherwise picking the same files again would not fire a `change` event.
        input.set_value("");
        if keep.get_untracked() {
            persistence::ask(state.persistent);
        }
        if let Some(command) = local_files::load(state, files) {
            bridge.send(&command);
        }
    };
    view! {
        <div class="picker-way">
            <h3>{t("local-heading")}</h3>
            <div class="button-row">
                <label class="button button-file">
                    <input
                        type="file"
                        class="visually-hidden"
                        multiple
                        accept=ACCEPT
                        data-testid="pick-files"
                        on:change=on_pick
                    />
                    {t("local-files")}
                </label>
                <label class="button button-file">
                    <input
                        type="file"
                        class="visually-hidden"
                        prop:webkitdirectory=true
                        data-testid="pick-folder"
                        on:change=on_pick
                    />
                    {t("local-folder")}
                </label>
            </div>
            <p class="hint">{t("local-explanation")}</p>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="keep-picked"
                    aria-describedby="keep-hint"
                    prop:checked=move || keep.get()
                    on:change=move |event| keep.set(event_target_checked(&event))
                />
                <span>{t("local-keep")}</span>
            </label>
            <p id="keep-hint" class="hint">{t("local-keep-hint")}</p>
        </div>
    }
}

/// The picked files, with their paths in the picked folder.
fn files_in(input: &HtmlInputElement) -> Vec<Picked> {
    let Some(files) = input.files() else {
        return Vec::new();
    };
    let files = (0..files.length()).filter_map(|index| files.get(index));
    files.map(|file| (path(&file), file)).collect()
}

fn path(file: &File) -> String {
    let path = js_sys::Reflect::get(
        file.unchecked_ref(),
        &JsValue::from_str("webkitRelativePath"),
    );
    path.ok()
        .and_then(|path| path.as_string())
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| file.name())
}
