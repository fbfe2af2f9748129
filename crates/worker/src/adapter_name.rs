//! The adapter's name in a browser.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::scope;

/// The adapter's description, or its vendor and architecture, `nvidia ampere`; wgpu reads the
/// description alone, which browsers leave empty.
pub async fn adapter_name() -> Option<String> {
    let gpu = get(&scope::worker().navigator(), "gpu")?;
    let options = Object::new();
    // The preference of `Gpu::request`, so that the browser answers with the same adapter.
    Reflect::set(
        &options,
        &"powerPreference".into(),
        &"high-performance".into(),
    )
    .ok()?;
    let request: Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
    let promise: Promise = request.call1(&gpu, &options).ok()?.dyn_into().ok()?;
    let info = get(&JsFuture::from(promise).await.ok()?, "info")?;
    let text = |key| get(&info, key)?.as_string().filter(|text| !text.is_empty());
    text("description").or_else(|| {
        let words: Vec<String> = [text("vendor"), text("architecture")]
            .into_iter()
            .flatten()
            .collect();
        (!words.is_empty()).then(|| words.join(" "))
    })
}

fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    let value = Reflect::get(object, &JsValue::from_str(key)).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}
