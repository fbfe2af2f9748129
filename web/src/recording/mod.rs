//! Recordings: generations that are shown without the model that made them.

mod file;
mod local;
mod replay;
mod site;

pub use file::{Damage, Recording, read};
pub use local::is_recording;
pub use replay::of_strip;
pub use site::site_recordings;

use std::sync::Arc;

use leptos::prelude::*;

/// The recording that the page shows, as signals.
#[derive(Clone, Copy)]
pub struct Recordings {
    /// The shown recording; `None` while a model is shown.
    pub shown: RwSignal<Option<Arc<Recording>>>,
    /// Why a file could not be opened.
    pub failure: RwSignal<Option<String>>,
    /// Whether tokens appear at the recorded pace.
    pub playing: RwSignal<bool>,
    /// Whether the next generation records all packet parts.
    pub everything: RwSignal<bool>,
    /// Incremented whenever playing begins or ends, which invalidates old timers.
    turn: StoredValue<u32>,
}

impl Recordings {
    /// No recording.
    pub fn new() -> Self {
        Self {
            shown: RwSignal::new(None),
            failure: RwSignal::new(None),
            playing: RwSignal::new(false),
            everything: RwSignal::new(false),
            turn: StoredValue::new(0),
        }
    }

    /// Whether one is shown. Tracks it.
    pub fn is_shown(&self) -> bool {
        self.shown.with(Option::is_some)
    }

    /// Closes it; the caller clears the strip.
    pub fn forget(&self) {
        self.turn.update_value(|turn| *turn += 1);
        self.playing.set(false);
        self.shown.set(None);
        self.failure.set(None);
    }
}
