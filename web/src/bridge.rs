//! The connection to the worker: commands and events as JSON text.

use js_sys::{Array, ArrayBuffer};
use leptos::prelude::*;
use vitrine_protocol::{Command, Event, Failure, FailureKind};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::i18n::t;
use crate::state::State;
use crate::strings;

/// The worker's script, relative to the page.
const SCRIPT: &str = "worker-boot.js";

/// The page's connection to the worker.
#[derive(Clone, Copy)]
pub struct Bridge {
    state: State,
    link: StoredValue<Option<Link>, LocalStorage>,
}

/// A running worker and its event handlers.
struct Link {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Bridge {
    /// Starts the worker and requests a GPU and the list of models.
    pub fn start(state: State) -> Self {
        let bridge = Self {
            state,
            link: StoredValue::new_local(None),
        };
        bridge.connect();
        bridge
    }

    /// Terminates the worker and starts a new one with a new device.
    pub fn restart(&self) {
        self.link.update_value(|link| {
            if let Some(link) = link.take() {
                link.worker.terminate();
            }
        });
        self.state.restart();
        self.connect();
    }

    /// Sends a command.
    pub fn send(&self, command: &Command) {
        let sent = self.link.with_value(|link| {
            let json = JsValue::from_str(&serde_json::to_string(command).ok()?);
            let files = self.state.files_of(command);
            let message = if files.is_empty() {
                json
            } else {
                // Files are passed by reference and not read here.
                let parts = Array::of1(&json);
                files.iter().for_each(|file| {
                    parts.push(file);
                });
                parts.into()
            };
            link.as_ref()?.worker.post_message(&message).ok()
        });
        if sent.is_none() {
            self.fail(t("worker-unreachable").to_owned());
        }
    }

    fn connect(&self) {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let Ok(worker) = Worker::new_with_options(SCRIPT, &options) else {
            return self.fail(t("worker-unreachable").to_owned());
        };
        let bridge = *self;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            bridge.receive(&message.data());
        });
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            // A script that fails to load causes an event without a message.
            let message = js_sys::Reflect::get(&error, &JsValue::from_str("message"));
            let message = message.ok().and_then(|message| message.as_string());
            bridge.fail(match message.filter(|message| !message.is_empty()) {
                Some(message) => strings::worker_crashed(&message),
                None => t("worker-unreachable").to_owned(),
            });
        });
        // The worker runs the same wasm module. If passing it fails, the worker fetches it instead.
        let _ = worker.post_message(&wasm_bindgen::module());
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let link = Link {
            worker,
            _on_message: on_message,
            _on_error: on_error,
        };
        self.link.set_value(Some(link));
        self.send(&Command::Start);
        self.send(&Command::ListModels);
    }

    fn receive(&self, data: &JsValue) {
        // An answer with tensors is an array: its text, then one buffer per tensor.
        let mut parts = match data.dyn_ref::<Array>() {
            Some(parts) => parts.to_vec(),
            None => vec![data.clone()],
        }
        .into_iter();
        let text = parts.next().and_then(|text| text.as_string());
        let buffers: Vec<ArrayBuffer> = parts.filter_map(|part| part.dyn_into().ok()).collect();
        match serde_json::from_str::<Event>(&text.unwrap_or_default()) {
            Ok(event) => {
                if let Some(command) = self.state.apply(event, &buffers) {
                    self.send(&command);
                }
            }
            Err(error) => self.fail(strings::worker_crashed(&error.to_string())),
        }
    }

    fn fail(&self, message: String) {
        self.state.fail(Failure {
            kind: FailureKind::Internal,
            message,
        });
    }
}
