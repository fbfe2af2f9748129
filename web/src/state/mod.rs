//! Everything the page knows, and how an event of the worker changes it.

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
    /// The models that the site offers; none before the worker told.
    pub models: RwSignal<Option<Vec<SiteModel>>>,
    /// The models that the browser holds.
    pub stored: RwSignal<Vec<StoredModel>>,
    /// How full the browser's storage is.
    pub room: RwSignal<Option<StorageRoom>>,
    /// Whether the browser promised to keep what it holds; none where it does not say.
    pub persistent: RwSignal<Option<bool>>,
    /// Whether the reader wants another model than the one that is loaded.
    pub picking: RwSignal<bool>,
    /// An access token for the hub. It is never stored.
    pub token: RwSignal<String>,
    /// Progress of loading.
    pub progress: RwSignal<Option<Progress>>,
    /// The tensors of the model that is on its way, as far as they are known.
    pub tensors: RwSignal<Vec<TensorPlace>>,
    /// The model on the GPU.
    pub loaded: RwSignal<Option<Loaded>>,
    /// Why nothing works.
    pub failure: RwSignal<Option<Failure>>,
    /// Why the last request was refused; everything else works.
    pub refusal: RwSignal<Option<String>>,
    /// What a screen reader should say now.
    pub announcement: RwSignal<String>,
    /// What the reader typed and chose.
    pub settings: Settings,
    /// What the reader looks at.
    pub selection: Selection,
    /// Whether the page is shown to a room.
    pub presenting: RwSignal<bool>,
    /// Whether one panel is in the light and all else is dimmed.
    pub spotlight: RwSignal<bool>,
    /// Whether what the room sees stays as it is.
    pub frozen: RwSignal<bool>,
    /// The lesson at hand.
    pub lesson: RwSignal<Option<usize>>,
    /// A model that the address names.
    pub linked: RwSignal<Option<String>>,
    /// The sequence on the strip.
    pub strip: Strip,
    /// The other ways that it could have gone.
    pub branches: Branches,
    /// What was recorded and is shown in place of a model.
    pub recordings: Recordings,
    /// What is switched off in the next generation.
    pub interventions: RwSignal<Vec<Intervention>>,
    /// The model that was asked for last; trying again asks for it again.
    pub wanted: RwSignal<Option<ModelSource>>,
    /// The files of a wanted model that the reader picked.
    picked: StoredValue<Vec<File>, LocalStorage>,
    /// How often the reader picked files: two picks may have the same names.
    picks: StoredValue<u32>,
    /// What the tokens on the strip were made by: a source, and of which pick.
    strip_of: StoredValue<Option<(ModelSource, u32)>>,
    /// The question about a prompt token that is not answered yet: its number and its position.
    asked: RwSignal<Option<(u32, u32)>>,
    /// Who waits for answers of the worker.
    pub replies: StoredValue<Replies, LocalStorage>,
    /// What the token that a fork replaces was chosen among: its successor was too.
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

    /// Back to the beginning, for a fresh worker. What the reader typed stays, and so does the
    /// strip.
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

    /// The model that what is shown was made by. Tracks it.
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
