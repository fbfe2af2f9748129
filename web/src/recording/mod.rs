//! Recorded traces: generations that are looked at without the model that made them.

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
    /// What is shown; none while the page shows what a model does.
    pub shown: RwSignal<Option<Arc<Recording>>>,
    /// Why a file could not be opened.
    pub failure: RwSignal<Option<String>>,
    /// Whether its tokens come as slowly as they did then.
    pub playing: RwSignal<bool>,
    /// Whether the next generation tells all there is to record.
    pub everything: RwSignal<bool>,
    /// Counts up whenever playing begins or ends, so that an old timer finds nothing to do.
    turn: StoredValue<u32>,
}

impl Recordings {
    /// None.
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

    /// Forgets it; the strip is the caller's.
    pub fn forget(&self) {
        self.turn.update_value(|turn| *turn += 1);
        self.playing.set(false);
        self.shown.set(None);
        self.failure.set(None);
    }
}
