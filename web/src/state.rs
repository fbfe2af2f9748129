//! Everything the page knows, and how an event of the worker changes it.

use leptos::prelude::*;
use vitrine_protocol::{
    AdapterSummary, Command, Event, Failure, FailureKind, GenerateRequest, LoadPhase, ModelEntry,
    ModelSource, ModelSummary, Progress, Prompt,
};

use crate::phase::Phase;
use crate::settings::Settings;
use crate::strings;
use crate::strip::{Origin, Strip};

/// How many candidates the bars show.
pub const TOP: u32 = 20;

/// The model on the GPU, and how it came there.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The model.
    pub model: ModelSummary,
    /// How long it took, in seconds.
    pub load_s: f64,
    /// Whether the browser already held the file.
    pub from_storage: bool,
    /// Whether the browser holds it for the next visit.
    pub kept: bool,
}

/// The page's state, as signals.
#[derive(Clone, Copy)]
pub struct State {
    /// What the page is doing.
    pub phase: RwSignal<Phase>,
    /// The adapter that computes.
    pub adapter: RwSignal<Option<AdapterSummary>>,
    /// The models there are; none before the worker told.
    pub models: RwSignal<Option<Vec<ModelEntry>>>,
    /// How far the model is on its way.
    pub progress: RwSignal<Option<Progress>>,
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
    /// The sequence on the strip.
    pub strip: Strip,
    /// The model that was asked for last; trying again asks for it again.
    wanted: RwSignal<Option<ModelSource>>,
    /// The question about a prompt token that is not answered yet: its number and its position.
    asked: RwSignal<Option<(u32, u32)>>,
    last_run: StoredValue<u32>,
}

impl State {
    /// The state of a page that has just opened.
    pub fn new() -> Self {
        Self {
            phase: RwSignal::new(Phase::Starting),
            adapter: RwSignal::new(None),
            models: RwSignal::new(None),
            progress: RwSignal::new(None),
            loaded: RwSignal::new(None),
            failure: RwSignal::new(None),
            refusal: RwSignal::new(None),
            announcement: RwSignal::new(String::new()),
            settings: Settings::restore(),
            strip: Strip::new(),
            wanted: RwSignal::new(None),
            asked: RwSignal::new(None),
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
    }

    /// The command that loads a model.
    pub fn load(&self, source: ModelSource) -> Command {
        self.phase.set(Phase::Loading);
        self.progress.set(None);
        self.wanted.set(Some(source.clone()));
        Command::LoadModel { source }
    }

    /// The command that generates from what the reader typed; none if that cannot be.
    pub fn generate(&self) -> Option<Command> {
        self.refusal.set(None);
        let settings = self.settings;
        let text = settings.prompt.get_untracked();
        if text.is_empty() {
            self.refusal.set(Some(strings::EMPTY_PROMPT.to_owned()));
            return None;
        }
        let max_new_tokens = untrack(|| settings.max_new_tokens())?;
        let has_template = self.loaded.with_untracked(|loaded| {
            loaded
                .as_ref()
                .is_some_and(|loaded| loaded.model.has_chat_template)
        });
        let chat = settings.chat.get_untracked() && has_template;
        let prompt = if chat {
            Prompt::Chat { user: text.clone() }
        } else {
            Prompt::Text { text: text.clone() }
        };
        let run = self.next_run();
        self.asked.set(None);
        self.strip.begin(run, text, chat);
        self.phase.set(Phase::Generating);
        self.announcement
            .set(strings::ANNOUNCE_GENERATING.to_owned());
        let request = GenerateRequest {
            prompt,
            max_new_tokens,
            top: TOP,
            kv_cache: true,
        };
        Some(Command::Generate { run, request })
    }

    /// The question about the selected prompt token, if it is time to ask one. Tracks what it
    /// depends on.
    pub fn question(&self) -> Option<Command> {
        let position = self.strip.selected.get()?;
        let token = self.strip.token(position)?;
        let known = token.distribution.is_some() || token.origin == Origin::Generated;
        if known || position == 0 || self.phase.get() != Phase::Ready || self.asked.get().is_some()
        {
            return None;
        }
        let run = self.next_run();
        self.asked.set(Some((run, position)));
        let prompt = Prompt::Ids {
            ids: untrack(|| self.strip.prefix(position)),
        };
        Some(Command::Next {
            run,
            prompt,
            top: TOP,
        })
    }

    /// Takes an event in. Some call for a command in return.
    pub fn apply(&self, event: Event) -> Option<Command> {
        match event {
            Event::AdapterReady { adapter } => {
                self.adapter.set(Some(adapter));
                return self.begin_if_possible();
            }
            Event::Models { models } => {
                self.models.set(Some(models));
                return self.begin_if_possible();
            }
            Event::Loading { progress } => self.loading(progress),
            Event::ModelReady {
                model,
                load_s,
                from_storage,
                kept,
            } => {
                self.announcement.set(strings::announce_ready(&model.name));
                self.loaded.set(Some(Loaded {
                    model,
                    load_s,
                    from_storage,
                    kept,
                }));
                self.progress.set(None);
                self.phase.set(Phase::Ready);
            }
            Event::PromptTokens { run, tokens } if self.is_current(run) => {
                self.strip.prompt(tokens);
            }
            Event::Token { run, step } if self.is_current(run) => self.strip.push(step),
            Event::Finished { run, summary } if self.is_current(run) => {
                self.strip.finish(summary);
                self.phase.set(Phase::Ready);
                let text = self.strip.text.get_untracked();
                self.announcement.set(strings::announce_finished(&text));
            }
            Event::Next { run, distribution } => {
                if let Some((asked, position)) = self.asked.get_untracked()
                    && asked == run
                {
                    self.strip.set_distribution(position, distribution);
                    self.asked.set(None);
                }
            }
            Event::ModelsForgotten => {
                self.loaded.update(|loaded| {
                    if let Some(loaded) = loaded {
                        loaded.kept = false;
                    }
                });
                self.announcement.set(strings::FORGOTTEN.to_owned());
            }
            Event::Failed { run, failure } => self.failed(run, failure),
            // Of a run that is over.
            Event::PromptTokens { .. } | Event::Token { .. } | Event::Finished { .. } => {}
        }
        None
    }

    /// Shows a failure that ends all work. The first one is the cause; later ones follow from it.
    pub fn fail(&self, failure: Failure) {
        if self.phase.get_untracked() != Phase::Failed {
            self.failure.set(Some(failure));
            self.loaded.set(None);
            self.phase.set(Phase::Failed);
        }
    }

    /// Once there is a GPU and a list of models: a model in storage is loaded at once, a download
    /// waits for the reader.
    fn begin_if_possible(&self) -> Option<Command> {
        if self.adapter.with_untracked(Option::is_none)
            || self.phase.get_untracked() != Phase::Starting
        {
            return None;
        }
        let models = self.models.get_untracked()?;
        let wanted = self.wanted.get_untracked();
        let stored = models
            .into_iter()
            .find(|entry| entry.stored)
            .map(|entry| entry.source);
        match wanted.or(stored) {
            Some(source) => Some(self.load(source)),
            None => {
                self.phase.set(Phase::NoModel);
                None
            }
        }
    }

    fn loading(&self, progress: Progress) {
        let before = self
            .progress
            .with_untracked(|before| before.as_ref().map(|before| (before.phase, tenth(before))));
        let now = (progress.phase, tenth(&progress));
        // A screen reader hears each stage and each tenth of the download, no more.
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

    fn failed(&self, run: Option<u32>, failure: Failure) {
        if failure.kind != FailureKind::Request {
            return self.fail(failure);
        }
        let asked = self.asked.get_untracked().map(|(asked, _)| asked);
        match run {
            // Asking again would be refused again.
            Some(run) if asked == Some(run) => {
                self.strip.selected.set(None);
                self.asked.set(None);
            }
            Some(run) if self.is_current(run) => self.phase.set(Phase::Ready),
            Some(_) => return,
            None => {}
        }
        self.refusal.set(Some(failure.message));
    }

    fn is_current(&self, run: u32) -> bool {
        self.strip.run.get_untracked() == run
    }

    fn next_run(&self) -> u32 {
        let run = self.last_run.get_value() + 1;
        self.last_run.set_value(run);
        run
    }
}

/// Tenths of the whole that are done.
fn tenth(progress: &Progress) -> u64 {
    progress.done * 10 / progress.total.max(1)
}
