//! The web worker that owns the GPU device and runs the engine for the page.
//!
//! It receives a `Command` as JSON text and posts `Event`s as JSON text. Everything that takes
//! long happens here, so that the page stays free to answer the reader.

mod adapter_name;
mod catalogue;
mod download;
mod error;
mod fetch;
mod mailbox;
mod manifest;
mod meter;
mod model_file;
mod observer;
mod scope;
mod session;
mod storage;

use std::rc::Rc;

use mailbox::Mailbox;
use session::Session;
use vitrine_protocol::{Command, Event, Failure, FailureKind};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue, wasm_bindgen};
use web_sys::MessageEvent;

/// Begins to listen to the page. `worker-boot.js` calls it by instantiating the module.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        scope::post(&internal_failure(&info.to_string()));
    }));

    let mailbox = Rc::new(Mailbox::default());
    let inbox = Rc::clone(&mailbox);
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match read_command(&event.data()) {
            Ok(command) => inbox.push(command),
            Err(reason) => scope::post(&internal_failure(&reason)),
        }
    });
    scope::worker().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker listens for as long as it lives.
    on_message.forget();

    wasm_bindgen_futures::spawn_local(Session::default().run(mailbox));
}

fn read_command(data: &JsValue) -> Result<Command, String> {
    let text = data
        .as_string()
        .ok_or_else(|| String::from("a message was not text"))?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// A defect of ours, as the page shows it.
fn internal_failure(reason: &str) -> Event {
    let message = format!(
        "The engine stopped because of a defect in Vitrine; start it again, and please report \
         this: {reason}"
    );
    Event::Failed {
        run: None,
        failure: Failure {
            kind: FailureKind::Internal,
            message,
        },
    }
}
