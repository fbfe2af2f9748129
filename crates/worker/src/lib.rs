//! The web worker that owns the GPU device and runs the engine for the page.
//!
//! It receives a `Command` as JSON text, or as an array of that text and the files that belong to it, and posts
//! `Event`s as JSON text, or as an array of that text and the buffers that belong to it. All long work runs here, so
//! that the page stays responsive.

mod adapter_name;
mod arrivals;
mod catalogue;
mod directory;
mod download;
mod error;
mod fetch;
mod hub;
mod mailbox;
mod manifest;
mod meter;
mod model_file;
mod observer;
mod obtain;
mod partial_file;
mod remote;
mod scope;
mod session;
mod shards;
mod storage;
mod tune;

use std::rc::Rc;

use js_sys::Array;
use mailbox::Mailbox;
use session::Session;
use vitrine_protocol::{Command, Event, Failure, FailureKind};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue, wasm_bindgen};
use web_sys::{Blob, MessageEvent};

/// Starts listening to the page. `worker-boot.js` calls it.
#[wasm_bindgen(js_name = startWorker)]
pub fn start_worker() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        scope::post(&internal_failure(&info.to_string()));
    }));

    let mailbox = Rc::new(Mailbox::default());
    let inbox = Rc::clone(&mailbox);
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match read_command(&event.data()) {
            Ok((command, files)) => inbox.push(command, files),
            Err(reason) => scope::post(&internal_failure(&reason)),
        }
    });
    scope::worker().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker listens for as long as it lives.
    on_message.forget();

    wasm_bindgen_futures::spawn_local(Session::default().run(mailbox));
}

fn read_command(data: &JsValue) -> Result<(Command, Vec<Blob>), String> {
    let mut parts = match data.dyn_ref::<Array>() {
        Some(parts) => parts.to_vec(),
        None => vec![data.clone()],
    }
    .into_iter();
    let text = parts
        .next()
        .and_then(|text| text.as_string())
        .ok_or_else(|| String::from("a message was not text"))?;
    let command = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let files = parts.map(|file| file.dyn_into::<Blob>());
    let files = files
        .collect::<Result<_, _>>()
        .map_err(|_| String::from("a message held something that is no file"))?;
    Ok((command, files))
}

/// An internal error, for the page.
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
