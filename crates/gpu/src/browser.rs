//! Facts about a browser that wgpu does not report.

use js_sys::{Reflect, Set};
use wasm_bindgen::{JsCast, JsValue};

/// Whether this window or worker has `navigator.gpu`.
pub(crate) fn has_webgpu() -> bool {
    navigator_gpu().is_some()
}

/// Whether kernels on this device may use subgroups and `subgroup_id`.
///
/// wgpu 30 neither requests the feature from a browser nor reports it (gfx-rs/wgpu#10146), so `worker-boot.js`
/// requests it. Browsers added `subgroup_id` later than the rest.
pub(crate) fn gave_subgroups(device: &wgpu::Device) -> bool {
    let has = |owner: &JsValue, set: &str, name: &str| {
        property(owner, set).is_some_and(|set| set.unchecked_into::<Set>().has(&name.into()))
    };
    let device = device.as_webgpu();
    device.is_some_and(|device| has(device, "features", "subgroups"))
        && navigator_gpu().is_some_and(|gpu| has(&gpu, "wgslLanguageFeatures", "subgroup_id"))
}

fn navigator_gpu() -> Option<JsValue> {
    property(&property(&js_sys::global(), "navigator")?, "gpu")
}

/// A property, if it is an object.
fn property(owner: &JsValue, name: &str) -> Option<JsValue> {
    let value = Reflect::get(owner, &name.into()).ok();
    value.filter(JsValue::is_object)
}
