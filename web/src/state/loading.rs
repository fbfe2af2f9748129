//! Models: the requested one, the progress of loading, and the loaded one.

use leptos::prelude::*;
use vitrine_protocol::{
    Command, Failure, FailureKind, HubAccess, LoadPhase, ModelSource, ModelSummary, Progress,
    SamplingDefaults, StorageRoom, StoredModel,
};
use web_sys::File;

use crate::browser_storage::{self, Keep};
use crate::i18n::t;
use crate::phase::Phase;
use crate::state::State;
use crate::{address, hub, strings};

/// Which stored model the next visit loads; empty for none.
const LAST_MODEL: &str = "vitrine.model";

/// The loaded model, and how it was loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The model.
    pub model: ModelSummary,
    /// Loading time in seconds.
    pub load_s: f64,
    /// Where it came from.
    pub source: Option<ModelSource>,
    /// Whether the files were already stored.
    pub from_storage: bool,
    /// Whether the browser keeps it for the next visit.
    pub kept: bool,
    /// Bytes of the worker's wasm memory after loading.
    pub wasm_bytes: u64,
    /// The sampling defaults of its files.
    pub sampling: SamplingDefaults,
}

impl State {
    /// The command that loads a chosen model.
    pub fn load(&self, source: ModelSource) -> Command {
        self.linked.set(None);
        self.begin_load(source)
    }

    fn begin_load(&self, source: ModelSource) -> Command {
        self.failure.set(None);
        self.phase.set(Phase::Loading);
        self.progress.set(None);
        self.tensors.set(Vec::new());
        self.wanted.set(Some(source.clone()));
        let token = self.token.with_untracked(|token| token.trim().to_owned());
        Command::LoadModel {
            source,
            hub: HubAccess {
                endpoint: hub::endpoint(),
                token: Some(token).filter(|token| !token.is_empty()),
            },
            pack_activations: false,
        }
    }

    /// The command that loads picked files.
    pub fn load_picked(&self, name: String, picked: Vec<(String, File)>, keep: bool) -> Command {
        let (files, picked) = picked.into_iter().unzip();
        self.picked.set_value(picked);
        self.picks.update_value(|picks| *picks += 1);
        self.load(ModelSource::Local { name, files, keep })
    }

    /// Whether a model can be requested now. After some failures only a restart helps.
    pub fn can_load(&self) -> bool {
        match self.phase.get() {
            Phase::NoModel | Phase::Ready | Phase::Generating => true,
            Phase::Starting | Phase::Loading => false,
            Phase::Failed => {
                let about_the_model = |failure: &Failure| {
                    matches!(
                        failure.kind,
                        FailureKind::Network
                            | FailureKind::Storage
                            | FailureKind::Model
                            | FailureKind::OutOfMemory
                    )
                };
                self.adapter.with(Option::is_some)
                    && self
                        .failure
                        .with(|it| it.as_ref().is_some_and(about_the_model))
            }
        }
    }

    /// The files that are sent with a command.
    pub fn files_of(&self, command: &Command) -> Vec<File> {
        match command {
            Command::LoadModel {
                source: ModelSource::Local { .. },
                ..
            } => self.picked.get_value(),
            _ => Vec::new(),
        }
    }

    /// The command that loads the requested, linked or last stored model, once the adapter and the list of models are
    /// known. Nothing is downloaded without the user's request.
    pub(super) fn begin_if_possible(&self) -> Option<Command> {
        if self.adapter.with_untracked(Option::is_none)
            || self.phase.get_untracked() != Phase::Starting
        {
            return None;
        }
        if self.models.with_untracked(Option::is_none) {
            return None;
        }
        let wanted = self.wanted.get_untracked();
        let linked = || self.linked_source_here();
        match wanted.or_else(linked).or_else(|| self.last_model()) {
            Some(source) => Some(self.begin_load(source)),
            None => {
                self.phase.set(Phase::NoModel);
                None
            }
        }
    }

    /// The source of the model that the address names, and its size if known; `None` if this page does not know it.
    /// Tracks its inputs.
    pub fn linked_source(&self) -> Option<(ModelSource, Option<u64>)> {
        let name = self.linked.get()?;
        let of_site = self.models.with(|models| {
            let found = models.iter().flatten().find(|it| it.name == name)?;
            Some((found.source.clone(), found.bytes))
        });
        of_site.or_else(|| {
            // One word could be a model of another site.
            let of_hub = name.contains('/').then(|| hub::parse(&name));
            Some((of_hub.flatten()?, None))
        })
    }

    /// The source of the model that the address names, if it is completely stored.
    fn linked_source_here(&self) -> Option<ModelSource> {
        let (source, _) = untrack(|| self.linked_source())?;
        let here = |it: &StoredModel| it.complete && it.source == source;
        self.stored
            .with_untracked(|stored| stored.iter().any(here))
            .then_some(source)
    }

    /// A name by which others can find the loaded model. Tracks it.
    pub fn loaded_name(&self) -> Option<String> {
        self.loaded
            .with(|loaded| address::model_name(loaded.as_ref()?.source.as_ref()?))
    }

    /// The stored model that was loaded last, or the first one.
    pub(super) fn last_model(&self) -> Option<ModelSource> {
        let last = browser_storage::get(Keep::Browser, LAST_MODEL);
        self.stored.with_untracked(|stored| {
            let mut complete = stored.iter().filter(|model| model.complete);
            let found = match last {
                Some(key) => complete.find(|model| model.key == key),
                None => complete.next(),
            };
            found.map(|model| model.source.clone())
        })
    }

    pub(super) fn set_stored(&self, stored: Vec<StoredModel>, room: Option<StorageRoom>) {
        let source = self.loaded_source();
        let held = stored.iter().find(|model| {
            model.complete
                && source.as_ref().is_some_and(|source| match source {
                    ModelSource::Local { name, keep, .. } => {
                        *keep && model.source == ModelSource::Kept { name: name.clone() }
                    }
                    source => model.source == *source,
                })
        });
        if let Some(held) = held {
            browser_storage::set(Keep::Browser, LAST_MODEL, &held.key);
        } else if self
            .loaded
            .with_untracked(|it| it.as_ref().is_some_and(|it| it.kept))
        {
            self.loaded.update(|loaded| {
                if let Some(loaded) = loaded {
                    loaded.kept = false;
                }
            });
            self.announcement.set(t("forgotten").to_owned());
        }
        self.stored.set(stored);
        self.room.set(room);
    }

    pub(super) fn loaded_source(&self) -> Option<ModelSource> {
        self.loaded
            .with_untracked(|loaded| loaded.as_ref().and_then(|it| it.source.clone()))
    }

    pub(super) fn phase_without_work(&self) -> Phase {
        if self.loaded.with_untracked(Option::is_some) {
            Phase::Ready
        } else {
            Phase::NoModel
        }
    }

    pub(super) fn loading(&self, progress: Progress) {
        let before = self
            .progress
            .with_untracked(|before| before.as_ref().map(|before| (before.phase, tenth(before))));
        let now = (progress.phase, tenth(&progress));
        // Screen readers get each stage and each tenth of the download.
        let worth_saying = match before {
            Some(before) if before.0 == now.0 => now.0 == LoadPhase::Download && before != now,
            _ => true,
        };
        if worth_saying {
            self.announcement
                .set(strings::announce_progress(progress.phase, now.1 * 10));
        }
        self.progress.set(Some(progress));
    }

    /// Handles a failure to load a model. The previous model, if it is still loaded, remains usable.
    pub(super) fn load_failed(&self, failure: Failure) {
        if matches!(
            failure.kind,
            FailureKind::Model | FailureKind::OutOfMemory | FailureKind::DeviceLost
        ) {
            // It would fail on the next visit too.
            browser_storage::set(Keep::Browser, LAST_MODEL, "");
        }
        if self.loaded.with_untracked(Option::is_some) {
            self.progress.set(None);
            self.failure.set(Some(failure));
            self.phase.set(Phase::Ready);
        } else {
            self.fail(failure);
        }
    }
}

/// Tenths of the whole that are done.
fn tenth(progress: &Progress) -> u64 {
    progress.done * 10 / progress.total.max(1)
}
