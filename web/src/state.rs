//! Everything the page knows, and how an event of the worker changes it.

use std::sync::Arc;

use js_sys::ArrayBuffer;
use leptos::prelude::*;
use vitrine_protocol::{
    AdapterSummary, Command, Distribution, Event, Failure, FailureKind, ForkRequest,
    GenerateRequest, HubAccess, Intervention, LoadPhase, ModelSource, ModelSummary, PacketParts,
    Progress, Prompt, Question, SamplingDefaults, SiteModel, StorageRoom, StoredModel,
};
use web_sys::File;

use crate::branches::{Branches, Fork};
use crate::browser_storage::{self, Keep};
use crate::i18n::t;
use crate::inquiry::{self, Answered, Replies, Reply};
use crate::phase::Phase;
use crate::selection::Selection;
use crate::settings::Settings;
use crate::strings;
use crate::strip::{Origin, Strip};
use crate::{hub, token_ids};

/// How many candidates the bars show.
pub const TOP: u32 = 20;

/// Of how many tokens of a prompt the page finds out by itself how surprising they are.
const MEASURED_PROMPT: usize = 512;

/// Which stored model the next visit loads; empty for none.
const LAST_MODEL: &str = "vitrine.model";

/// The model on the GPU, and how it came there.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The model.
    pub model: ModelSummary,
    /// How long it took, in seconds.
    pub load_s: f64,
    /// Where it came from.
    pub source: Option<ModelSource>,
    /// Whether the browser already held the files.
    pub from_storage: bool,
    /// Whether the browser holds it for the next visit.
    pub kept: bool,
    /// Bytes of the worker's wasm memory after loading.
    pub wasm_bytes: u64,
    /// What its files recommend for drawing tokens.
    pub sampling: SamplingDefaults,
}

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
    /// What the reader looks at.
    pub selection: Selection,
    /// Whether the page is shown to a room.
    pub presenting: RwSignal<bool>,
    /// The lesson at hand.
    pub lesson: RwSignal<Option<usize>>,
    /// A model that the address names.
    pub linked: RwSignal<Option<String>>,
    /// The sequence on the strip.
    pub strip: Strip,
    /// The other ways that it could have gone.
    pub branches: Branches,
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
            loaded: RwSignal::new(None),
            failure: RwSignal::new(None),
            refusal: RwSignal::new(None),
            announcement: RwSignal::new(String::new()),
            settings: Settings::restore(),
            selection: Selection::new(),
            presenting: RwSignal::new(false),
            lesson: RwSignal::new(None),
            linked: RwSignal::new(None),
            strip: Strip::new(),
            branches: Branches::new(),
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

    /// The command that loads a model.
    pub fn load(&self, source: ModelSource) -> Command {
        self.failure.set(None);
        self.phase.set(Phase::Loading);
        self.progress.set(None);
        self.wanted.set(Some(source.clone()));
        let token = self.token.with_untracked(|token| token.trim().to_owned());
        Command::LoadModel {
            source,
            hub: HubAccess {
                endpoint: hub::endpoint(),
                token: Some(token).filter(|token| !token.is_empty()),
            },
        }
    }

    /// The command that loads files which the reader picked.
    pub fn load_picked(&self, name: String, picked: Vec<(String, File)>, keep: bool) -> Command {
        let (files, picked) = picked.into_iter().unzip();
        self.picked.set_value(picked);
        self.picks.update_value(|picks| *picks += 1);
        self.load(ModelSource::Local { name, files, keep })
    }

    /// Whether a model can be asked for now. After some failures nothing can, but to start anew.
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

    /// The files that go with a command.
    pub fn files_of(&self, command: &Command) -> Vec<File> {
        match command {
            Command::LoadModel {
                source: ModelSource::Local { .. },
                ..
            } => self.picked.get_value(),
            _ => Vec::new(),
        }
    }

    /// The command that generates from what the reader typed; none if that cannot be.
    pub fn generate(&self) -> Option<Command> {
        self.refusal.set(None);
        let settings = self.settings;
        let text = settings.prompt.get_untracked();
        if text.is_empty() {
            self.refusal.set(Some(t("empty-prompt").to_owned()));
            return None;
        }
        let max_new_tokens = untrack(|| settings.max_new_tokens())?;
        let has_template = self.loaded.with_untracked(|loaded| {
            loaded
                .as_ref()
                .is_some_and(|loaded| loaded.model.has_chat_template)
        });
        let as_ids = settings.as_ids.get_untracked();
        let chat = settings.chat.get_untracked() && has_template && !as_ids;
        let prompt = if as_ids {
            match token_ids::parse(&text) {
                Ok(ids) => Prompt::Ids { ids },
                Err(wrong) => {
                    self.refusal.set(Some(strings::wrong_token_id(&wrong)));
                    return None;
                }
            }
        } else if chat {
            Prompt::Chat { user: text.clone() }
        } else {
            Prompt::Text { text: text.clone() }
        };
        let run = self.next_run();
        self.asked.set(None);
        self.strip.begin(run, text, chat);
        self.branches.begin(run);
        self.begin_generating();
        let request = GenerateRequest {
            prompt,
            max_new_tokens,
            top: TOP,
            kv_cache: true,
            packet: self.parts(),
            interventions: self.interventions.get_untracked(),
            sampling: untrack(|| settings.sampling.params()),
        };
        Some(Command::Generate { run, request })
    }

    /// The command that takes the sequence one token further, or begins it.
    pub fn step(&self) -> Option<Command> {
        let last = self.strip.tokens.with_untracked(|tokens| {
            let last = tokens.last()?;
            Some((tokens.len() as u32 - 1, last.piece.id))
        });
        let run = self.strip.run.get_untracked();
        match last {
            Some((position, token)) if self.can_fork(run) => {
                let next = self.next_run();
                self.branches.renumber(run, next);
                self.strip.fork(next, position + 1);
                self.begin_generating();
                Some(self.fork_command(next, run, position, token, 1))
            }
            _ => match self.generate()? {
                Command::Generate { run, mut request } => {
                    request.max_new_tokens = 1;
                    Some(Command::Generate { run, request })
                }
                other => Some(other),
            },
        }
    }

    /// The command that puts another token at `position` and goes on from there.
    pub fn fork(&self, position: u32, token: u32, shown: String) -> Option<Command> {
        let of = self.strip.run.get_untracked();
        if !self.can_fork(of) {
            return None;
        }
        let max_new_tokens = untrack(|| self.settings.max_new_tokens())?;
        let replaced = self.strip.token(position)?;
        let run = self.next_run();
        let from = Fork {
            of,
            position,
            token: shown,
        };
        self.branches.add(run, from, self.strip);
        self.strip.fork(run, position);
        self.forked.set_value(replaced.distribution);
        self.begin_generating();
        Some(self.fork_command(run, of, position, token, max_new_tokens))
    }

    /// Whether the worker still has a run in its cache.
    pub fn can_fork(&self, run: u32) -> bool {
        self.phase.get_untracked() == Phase::Ready
            && self
                .branches
                .all
                .with_untracked(|all| all.iter().any(|branch| branch.run == run))
    }

    fn fork_command(
        &self,
        run: u32,
        of: u32,
        position: u32,
        token: u32,
        max_new_tokens: u32,
    ) -> Command {
        let request = ForkRequest {
            position,
            token,
            max_new_tokens,
            top: TOP,
            packet: self.parts(),
            interventions: self.interventions.get_untracked(),
            sampling: untrack(|| self.settings.sampling.params()),
        };
        Command::Fork { run, of, request }
    }

    fn begin_generating(&self) {
        self.phase.set(Phase::Generating);
        self.announcement.set(t("announce-generating").to_owned());
    }

    /// What each new token is to tell of itself.
    fn parts(&self) -> PacketParts {
        let cheap = [
            PacketParts::LOGITS,
            PacketParts::HEADS,
            PacketParts::RESIDUAL,
            PacketParts::NEURONS,
            PacketParts::KV,
        ];
        cheap.into_iter().fold(PacketParts::NONE, PacketParts::with)
    }

    /// The question about the selected prompt token, if it is time to ask one. Tracks what it
    /// depends on.
    pub fn question(&self) -> Option<Command> {
        let position = self.strip.selected.get()?;
        let token = self.strip.token(position)?;
        let known = token.distribution.is_some() || token.origin != Origin::Prompt;
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

    /// Takes an event in, with the buffers that came along. Some call for a command in return.
    pub fn apply(&self, event: Event, buffers: &[ArrayBuffer]) -> Option<Command> {
        match event {
            Event::AdapterReady { adapter } => {
                self.adapter.set(Some(adapter));
                return self.begin_if_possible();
            }
            Event::Models { site, stored, room } => {
                self.models.set(Some(site));
                self.set_stored(stored, room);
                return self.begin_if_possible();
            }
            Event::Stored { stored, room } => self.set_stored(stored, room),
            Event::Loading { progress } => self.loading(progress),
            Event::ModelReady {
                model,
                load_s,
                from_storage,
                kept,
                wasm_bytes,
                sampling,
            } => {
                self.announcement.set(strings::announce_ready(&model.name));
                let source = self.wanted.get_untracked();
                let by = source.clone().map(|it| (it, self.picks.get_value()));
                if self.strip_of.get_value() != by {
                    // Another model reads these ids as other words.
                    self.strip.clear();
                    self.branches.clear();
                    self.strip_of.set_value(by);
                }
                self.interventions.set(Vec::new());
                self.selection
                    .fit(model.num_hidden_layers, model.num_attention_heads);
                self.loaded.set(Some(Loaded {
                    model,
                    load_s,
                    source,
                    from_storage,
                    kept,
                    wasm_bytes,
                    sampling: *sampling,
                }));
                self.progress.set(None);
                self.picking.set(false);
                self.phase.set(Phase::Ready);
            }
            Event::ModelUnloaded => {
                self.replies.get_value().clear();
                self.loaded.set(None);
            }
            Event::LoadCancelled => {
                self.progress.set(None);
                self.wanted.set(self.loaded_source());
                self.announcement.set(t("cancelled").to_owned());
                self.phase.set(self.phase_without_work());
            }
            Event::PromptTokens { run, tokens } if self.is_current(run) => {
                let last = tokens.len() as u32 - 1;
                self.strip.prompt(tokens);
                if let Some(distribution) = self.forked.try_update_value(Option::take).flatten() {
                    self.strip.set_distribution(last, distribution);
                }
            }
            Event::Token { run, step } if self.is_current(run) => self.strip.push(*step),
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
                    self.strip
                        .set_distribution(position, Arc::new(distribution));
                    self.asked.set(None);
                }
            }
            Event::Answer { run, answer } => {
                let tensors = inquiry::tensors(&answer, buffers);
                let answered = Arc::new(Answered {
                    answer: *answer,
                    tensors,
                });
                self.reply(run, Reply::Answer(answered));
            }
            Event::AnswerPart { run, part } => self.reply(run, Reply::Part(part)),
            Event::AskProgress { run, done, total } => {
                self.reply(run, Reply::Progress { done, total });
            }
            Event::AskStopped { run } => self.reply(run, Reply::Stopped),
            Event::Failed {
                run: Some(run),
                failure,
            } if failure.kind == FailureKind::Request
                && self
                    .replies
                    .get_value()
                    .take(run, Reply::Failed(failure.clone())) => {}
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
        if self.models.with_untracked(Option::is_none) {
            return None;
        }
        let wanted = self.wanted.get_untracked();
        match wanted.or_else(|| self.last_model()) {
            Some(source) => Some(self.load(source)),
            None => {
                self.phase.set(Phase::NoModel);
                None
            }
        }
    }

    /// The stored model that was loaded last, or the first there is.
    fn last_model(&self) -> Option<ModelSource> {
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

    fn set_stored(&self, stored: Vec<StoredModel>, room: Option<StorageRoom>) {
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

    fn loaded_source(&self) -> Option<ModelSource> {
        self.loaded
            .with_untracked(|loaded| loaded.as_ref().and_then(|it| it.source.clone()))
    }

    fn phase_without_work(&self) -> Phase {
        if self.loaded.with_untracked(Option::is_some) {
            Phase::Ready
        } else {
            Phase::NoModel
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
        if self.phase.get_untracked() == Phase::Loading && run.is_none() {
            return self.load_failed(failure);
        }
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

    /// A model could not be loaded. The one before it, if it is still there, can be used.
    fn load_failed(&self, failure: Failure) {
        if matches!(
            failure.kind,
            FailureKind::Model | FailureKind::OutOfMemory | FailureKind::DeviceLost
        ) {
            // It would fail at the next visit too.
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

    fn reply(&self, run: u32, reply: Reply) {
        self.replies.get_value().take(run, reply);
    }

    /// The sequence on the strip, to ask about; none while it grows. Tracks both.
    pub fn sequence(&self) -> Option<Prompt> {
        let ids = self.strip.ids();
        (self.phase.get() == Phase::Ready && !ids.is_empty()).then_some(Prompt::Ids { ids })
    }

    /// The prompt on the strip, as long as nobody asked how surprising its tokens are.
    pub fn unmeasured_prompt(&self) -> Option<Question> {
        let ids = self.strip.tokens.with(|tokens| {
            let prompt = tokens.iter().take_while(|it| it.origin == Origin::Prompt);
            let prompt: Vec<_> = prompt.collect();
            let unknown = prompt.iter().skip(1).any(|it| it.surprisal.is_none());
            unknown.then(|| prompt.iter().map(|it| it.piece.id).collect::<Vec<_>>())
        })?;
        let wanted = self.phase.get() == Phase::Ready && ids.len() <= MEASURED_PROMPT;
        wanted.then_some(Question::Positions {
            prompt: Prompt::Ids { ids },
            top: TOP,
        })
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

/// Tenths of the whole that are done.
fn tenth(progress: &Progress) -> u64 {
    progress.done * 10 / progress.total.max(1)
}
