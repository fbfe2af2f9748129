//! The view in the page's address, so that a link reproduces it: `#view=lens&layer=3&prompt=…`.

use leptos::prelude::*;
use vitrine_protocol::ModelSource;
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;
use web_sys::UrlSearchParams;

use crate::hub;
use crate::reactive::effect;
use crate::state::State;
use crate::view::View;

/// Maximum length of a prompt in the address, in bytes; longer ones are left out.
const LONGEST_PROMPT: usize = 2000;

/// Reads the address, follows its changes, and keeps it up to date.
pub fn bind(state: State) {
    read(state);
    let on_change = Closure::<dyn FnMut()>::new(move || {
        if fragment() != write(state) {
            read(state);
        }
    });
    window().set_onhashchange(Some(on_change.as_ref().unchecked_ref()));
    // The listener lives as long as the page.
    on_change.forget();

    effect(move || {
        let wanted = write(state);
        if fragment() != wanted
            && let Ok(history) = window().history()
        {
            let url = format!("#{wanted}");
            // On failure the address stays as it was.
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&url));
        }
    });
}

fn fragment() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

fn read(state: State) {
    let Ok(parts) = UrlSearchParams::new_with_str(&fragment()) else {
        return;
    };
    let number = |name: &str| parts.get(name).and_then(|text| text.parse::<u32>().ok());
    let selection = state.selection;
    if let Some(view) = parts.get("view").and_then(|name| View::of_name(&name)) {
        selection.view.set(view);
    }
    if let Some(layer) = number("layer") {
        selection.layer.set(layer);
    }
    if let Some(head) = number("head") {
        selection.head.set(head);
    }
    selection.candidate.set(number("candidate"));
    // The token may not exist yet; it is selected when it arrives.
    state.strip.wished.set_value(number("position"));
    let settings = state.settings;
    if let Some(prompt) = parts.get("prompt") {
        settings.prompt.set(prompt);
        settings.chat.set(parts.get("chat").is_some());
    }
    if let Some(count) = number("tokens") {
        settings.max_new_tokens.set(count.to_string());
    }
    settings.sampling.read(&|name| parts.get(name));
    state.linked.set(parts.get("model"));
}

/// The fragment for the current view. Tracks everything in it.
fn write(state: State) -> String {
    let Ok(parts) = UrlSearchParams::new() else {
        return String::new();
    };
    let selection = state.selection;
    let put = |name: &str, value: String| parts.append(name, &value);
    put("view", selection.view.get().name().to_owned());
    put("layer", selection.layer.get().to_string());
    put("head", selection.head.get().to_string());
    if let Some(position) = state.strip.selected.get() {
        put("position", position.to_string());
    }
    if let Some(id) = selection.candidate.get() {
        put("candidate", id.to_string());
    }
    let settings = state.settings;
    let prompt = settings.prompt.get();
    if prompt.len() <= LONGEST_PROMPT {
        put("prompt", prompt);
        if settings.chat.get() {
            put("chat", String::from("1"));
        }
    }
    put("tokens", settings.max_new_tokens.get());
    settings.sampling.write(&put);
    let asked_for = || state.wanted.with(|it| it.as_ref().and_then(model_name));
    let model = state
        .loaded_name()
        .or_else(|| state.linked.get())
        .or_else(asked_for);
    if let Some(model) = model {
        put("model", model);
    }
    parts.to_string().into()
}

/// A name by which others can find the model; `None` for local files.
pub fn model_name(source: &ModelSource) -> Option<String> {
    match source {
        ModelSource::Site { name, .. } => Some(name.clone()),
        ModelSource::Hub { .. } => Some(hub::id_of(source)),
        ModelSource::Local { .. } | ModelSource::Kept { .. } => None,
    }
}
