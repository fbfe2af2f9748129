//! The worker's global scope: posting, time, and what the browser offers.

use js_sys::{Array, ArrayBuffer, Float32Array, Promise, Reflect, Uint8Array};
use vitrine_protocol::{Event, Tensor, TensorData};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, StorageManager};

/// The scope this code runs in.
pub fn worker() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Sends an event to the page.
pub fn post(event: &Event) {
    // Serialising our own types cannot fail, and a closed page needs no event.
    if let Ok(json) = serde_json::to_string(event) {
        let _ = worker().post_message(&JsValue::from_str(&json));
    }
}

/// Sends an event and the tensors that belong to it, which change hands and are not copied again.
pub fn post_with(event: &Event, tensors: &[Tensor]) {
    if tensors.is_empty() {
        return post(event);
    }
    let Ok(json) = serde_json::to_string(event) else {
        return;
    };
    let buffers: Array = tensors.iter().map(|tensor| buffer(&tensor.data)).collect();
    let message = Array::of1(&JsValue::from_str(&json)).concat(&buffers);
    let _ = worker().post_message_with_transfer(&message, &buffers);
}

fn buffer(data: &TensorData) -> ArrayBuffer {
    match data {
        TensorData::F32(values) => Float32Array::from(values.as_slice()).buffer(),
        TensorData::U8(values) => Uint8Array::from(values.as_slice()).buffer(),
    }
}

/// Seconds since the worker began; `std::time::Instant` does not exist here.
pub fn now_s() -> f64 {
    worker()
        .performance()
        .map_or(0.0, |performance| performance.now() / 1000.0)
}

/// Waits for `milliseconds`.
pub async fn sleep(milliseconds: i32) {
    let promise = Promise::new(&mut |resolve, _| {
        let _ =
            worker().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let _ = JsFuture::from(promise).await;
}

/// `navigator.storage`; insecure pages have none.
pub fn storage_manager() -> Option<StorageManager> {
    Reflect::get(&worker().navigator(), &JsValue::from_str("storage"))
        .ok()
        .filter(|storage| !storage.is_undefined() && !storage.is_null())
        .map(JsCast::unchecked_into)
}

/// The message of a JavaScript exception, or its name if it has none.
pub fn describe(error: &JsValue) -> String {
    let text = |key| {
        Reflect::get(error, &JsValue::from_str(key))
            .ok()?
            .as_string()
    };
    text("message")
        .filter(|message| !message.is_empty())
        .or_else(|| text("name"))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| String::from("unknown error"))
}

/// The name of a JavaScript exception, `QuotaExceededError`.
pub fn error_name(error: &JsValue) -> Option<String> {
    Reflect::get(error, &JsValue::from_str("name"))
        .ok()?
        .as_string()
}
