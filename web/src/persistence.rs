//! Whether the browser keeps stored files when disk space runs short.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::StorageManager;

/// Finds out whether storage is persistent; `None` without storage.
pub fn learn(persistent: RwSignal<Option<bool>>) {
    spawn_local(async move {
        if let Some(storage) = storage()
            && let Ok(promise) = storage.persisted()
            && let Ok(answer) = JsFuture::from(promise).await
        {
            persistent.set(answer.as_bool());
        }
    });
}

/// Requests persistent storage. Some browsers ask the user, so this waits until a model is stored.
pub fn ask(persistent: RwSignal<Option<bool>>) {
    spawn_local(async move {
        if let Some(storage) = storage()
            && let Ok(promise) = storage.persist()
            && let Ok(answer) = JsFuture::from(promise).await
        {
            persistent.set(answer.as_bool());
        }
    });
}

/// `navigator.storage`, which is missing in insecure contexts.
fn storage() -> Option<StorageManager> {
    let navigator = window().navigator();
    let storage = js_sys::Reflect::get(&navigator, &JsValue::from_str("storage")).ok()?;
    (!storage.is_undefined()).then(|| navigator.storage())
}
