//! Files and folders that are dropped onto the page.

use js_sys::{Array, Function, Promise};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, DragEvent, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry,
};

use crate::bridge::Bridge;
use crate::local_files::{self, Picked};
use crate::recording::is_recording;
use crate::state::State;

/// Maximum depth of folders: a model hub's cache has `snapshots/<commit>` in it.
const DEPTH: usize = 4;

/// Maximum number of files; no model has more.
const MOST_FILES: usize = 2000;

/// Opens files dropped anywhere on the page. Returns whether something is dragged over it.
pub fn listen(state: State, bridge: Bridge) -> RwSignal<bool> {
    let hovering = RwSignal::new(false);
    let on = |name: &'static str, handler: Box<dyn FnMut(DragEvent)>| {
        let handler = Closure::wrap(handler);
        let listener: &Function = handler.as_ref().unchecked_ref();
        let _ = document().add_event_listener_with_callback(name, listener);
        // The listeners live as long as the page.
        handler.forget();
    };
    on(
        "dragover",
        Box::new(move |event| {
            if has_files(&event) {
                // Without this the browser would navigate to the file.
                event.prevent_default();
                hovering.set(true);
            }
        }),
    );
    on(
        "dragleave",
        Box::new(move |event| {
            // Moving between two elements of the page has a related target.
            if event.related_target().is_none() {
                hovering.set(false);
            }
        }),
    );
    on(
        "drop",
        Box::new(move |event| {
            let Some(transfer) = event.data_transfer().filter(|_| has_files(&event)) else {
                return;
            };
            event.prevent_default();
            hovering.set(false);
            // Read before the handler returns, after which the list is empty.
            let entries = entries(&transfer);
            spawn_local(async move {
                let files = files_of(entries).await;
                if let [(path, file)] = files.as_slice()
                    && is_recording(path)
                {
                    return state.recordings.open_file(state, file.clone()).await;
                }
                if !untrack(|| state.can_load()) {
                    return;
                }
                if let Some(command) = local_files::load(state, files) {
                    bridge.send(&command);
                }
            });
        }),
    );
    hovering
}

fn has_files(event: &DragEvent) -> bool {
    let types = event.data_transfer().map(|transfer| transfer.types());
    types.is_some_and(|types| types.includes(&JsValue::from_str("Files"), 0))
}

fn entries(transfer: &DataTransfer) -> Vec<FileSystemEntry> {
    let items = transfer.items();
    (0..items.length())
        .filter_map(|index| items.get(index)?.webkit_get_as_entry().ok().flatten())
        .collect()
}

/// All files in these entries.
async fn files_of(entries: Vec<FileSystemEntry>) -> Vec<Picked> {
    let mut files = Vec::new();
    let mut open: Vec<(usize, FileSystemEntry)> =
        entries.into_iter().map(|entry| (0, entry)).collect();
    while let Some((depth, entry)) = open.pop() {
        if files.len() >= MOST_FILES {
            break;
        }
        if entry.is_file() {
            if let Some(file) = file_of(entry.unchecked_ref()).await {
                files.push((entry.full_path().trim_start_matches('/').to_owned(), file));
            }
        } else if depth < DEPTH {
            let children = children_of(entry.unchecked_ref()).await;
            open.extend(children.into_iter().map(|child| (depth + 1, child)));
        }
    }
    files
}

async fn file_of(entry: &FileSystemFileEntry) -> Option<File> {
    let promise = Promise::new(&mut |resolve, reject| {
        entry.file_with_callback_and_callback(&resolve, &reject);
    });
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

/// The browser lists a folder in batches; an empty one is the last.
async fn children_of(entry: &FileSystemDirectoryEntry) -> Vec<FileSystemEntry> {
    let reader = entry.create_reader();
    let mut children = Vec::new();
    loop {
        let promise = Promise::new(&mut |resolve, reject| {
            let _ = reader.read_entries_with_callback_and_callback(&resolve, &reject);
        });
        let Ok(batch) = JsFuture::from(promise).await else {
            return children;
        };
        let batch: Array = batch.unchecked_into();
        if batch.length() == 0 || children.len() >= MOST_FILES {
            return children;
        }
        children.extend(batch.iter().map(JsValue::unchecked_into::<FileSystemEntry>));
    }
}
