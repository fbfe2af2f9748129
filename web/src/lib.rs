//! The page: tokens, next-token bars and the state of the engine, rendered with Leptos.
//!
//! The page never computes values of the model: everything it shows came from the worker as a
//! `vitrine_protocol::Event`.

mod address;
mod app;
mod branches;
mod bridge;
mod browser_storage;
mod components;
mod draw;
mod dropped;
mod format;
mod hub;
mod i18n;
mod inquiry;
mod lessons;
mod local_files;
mod panels;
mod persistence;
mod phase;
mod pieces;
mod reactive;
mod recording;
mod sampling_settings;
mod selection;
mod settings;
mod state;
mod strings;
mod strip;
mod token_ids;
mod view;
mod visible;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

/// Mounts the page into `#app`. Called by `boot.js`.
#[wasm_bindgen(js_name = startPage)]
pub fn start_page() {
    console_error_panic_hook::set_once();
    let place = document()
        .get_element_by_id("app")
        .and_then(|it| it.dyn_into::<HtmlElement>().ok());
    let Some(place) = place else { return };
    // The static text is removed once the page is drawn.
    place.set_text_content(None);
    leptos::mount::mount_to(place, app::Root).forget();
}
