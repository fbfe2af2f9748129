//! The state of the page.

mod asking;
mod events;
mod generating;
mod loading;

use std::sync::Arc;

use leptos::prelude::*;
pub use loading::Loaded;
use vitrine_protocol::{
    AdapterSummary, Distribution, Failure, Intervention, ModelSource, ModelSummary, Progress,
    SiteModel, StorageRoom, StoredModel, TensorPlace,
};
use web_sys::File;

use crate::branches::Branches;
use crate::inquiry::Replies;
use crate::phase::Phase;
use crate::recording::Recordings;
use crate::selection::Selection;
use crate::settings::Settings;
use crate::strip::Strip;

/// How many candidates the bars show.
pub const TOP: u32 = 20;

/// The page's state, as signals.
#[derive(Clone, Copy)]
pub struct State {
    /// What the page is doing.
    pub phase: RwSignal<Phase>,
    /// The adapter that computes.
    pub adapter: RwSignal<Option<AdapterSummary>>,
    /// The models of the site; `None` until the worker lists them.
    pub models: RwSignal<Option<Vec<SiteModel>>>,
    /// The stored models.
    pub stored: RwSignal<Vec<StoredModel>>,
    /// Usage of the browser's storage.
    pub room: RwSignal<Option<StorageRoom>>,
    /// Whether storage is persistent; `None` if unknown.
    pub persistent: RwSignal<Option<bool>>,
    /// Whether the model chooser is open.
    pub picking: RwSignal<bool>,
    /// An access token for the hub. It is never stored.
    pub token: RwSignal<String>,
    /// Progress of loading.
    pub progress: RwSignal<Option<Progress>>,
    /// The known tensors of the loading model.
    pub tensors: RwSignal<Vec<TensorPlace>>,
    /// The model on the GPU.
    pub loaded: RwSignal<Option<Loaded>>,
    /// Why nothing works.
    pub failure: RwSignal<Option<Failure>>,
    /// Why the last request was refused.
    pub refusal: RwSignal<Option<String>>,
    /// The announcement for screen readers.
    pub announcement: RwSignal<String>,
    /// The user's input and preferences.
    pub settings: Settings,
    /// The selection.
    pub selection: Selection,
    /// Whether the presenter mode is on.
    pub presenting: RwSignal<bool>,
    /// Whether the spotlight is on.
    pub spotlight: RwSignal<bool>,
    /// Whether the audience's view is frozen.
    pub frozen: RwSignal<bool>,
    /// The current lesson.
    pub lesson: RwSignal<Option<usize>>,
    /// The model that the address names.
    pub linked: RwSignal<Option<String>>,
    /// The sequence on the strip.
    pub strip: Strip,
    /// The branches.
    pub branches: Branches,
    /// The shown recording.
    pub recordings: Recordings,
    /// The interventions of the next generation.
    pub interventions: RwSignal<Vec<Intervention>>,
    /// The last requested model, which a retry requests again.
    pub wanted: RwSignal<Option<ModelSource>>,
    /// The picked files of the requested model.
    picked: StoredValue<Vec<File>, LocalStorage>,
    /// How often files were picked, because two picks may have the same names.
    picks: StoredValue<u32>,
    /// The model that generated the strip: its source, and the number of the pick.
    strip_of: StoredValue<Option<(ModelSource, u32)>>,
    /// The pending question about a prompt token: its number and position.
    asked: RwSignal<Option<(u32, u32)>>,
    /// Pending questions to the worker.
    pub replies: StoredValue<Replies, LocalStorage>,
    /// The candidates of the token that a fork replaces, which are also those of its replacement.
    forked: StoredValue<Option<Arc<Distribution>>>,
    last_run: StoredValue<u32>,
}

impl State {
    /// The state of a page that has just opened.
    pub fn new() -> Self {
        Self {
            phase: RwSignal::new(Phase::Starting),
            adapter: RwSignal::new(None),
            models: RwSignal::new(None),
            stored: RwSignal::new(Vec::new()),
            room: RwSignal::new(None),
            persistent: RwSignal::new(None),
            picking: RwSignal::new(false),
            token: RwSignal::new(String::new()),
            progress: RwSignal::new(None),
            tensors: RwSignal::new(Vec::new()),
            loaded: RwSignal::new(None),
            failure: RwSignal::new(None),
            refusal: RwSignal::new(None),
            announcement: RwSignal::new(String::new()),
            settings: Settings::restore(),
            selection: Selection::new(),
            presenting: RwSignal::new(false),
            spotlight: RwSignal::new(false),
            frozen: RwSignal::new(false),
            lesson: RwSignal::new(None),
            linked: RwSignal::new(None),
            strip: Strip::new(),
            branches: Branches::new(),
            recordings: Recordings::new(),
            interventions: RwSignal::new(Vec::new()),
            wanted: RwSignal::new(None),
            picked: StoredValue::new_local(Vec::new()),
            picks: StoredValue::new(0),
            strip_of: StoredValue::new(None),
            asked: RwSignal::new(None),
            replies: StoredValue::new_local(Replies::default()),
            forked: StoredValue::new(None),
            last_run: StoredValue::new(0),
        }
    }

    /// Resets the state for a new worker. The user's input stays, and so does the strip.
    pub fn restart(&self) {
        self.phase.set(Phase::Starting);
        self.adapter.set(None);
        self.models.set(None);
        self.progress.set(None);
        self.loaded.set(None);
        self.failure.set(None);
        self.refusal.set(None);
        self.asked.set(None);
        self.replies.get_value().clear();
    }

    /// The model that generated what is shown. Tracks it.
    pub fn model(&self) -> Option<ModelSummary> {
        let recorded = self
            .recordings
            .shown
            .with(|it| Some(it.as_ref()?.model.clone()));
        recorded.or_else(|| self.loaded.with(|it| Some(it.as_ref()?.model.clone())))
    }

    fn is_current(&self, run: u32) -> bool {
        self.strip.run.get_untracked() == run
    }

    /// A number for the next command.
    pub fn next_run(&self) -> u32 {
        let run = self.last_run.get_value() + 1;
        self.last_run.set_value(run);
        run
    }
}
