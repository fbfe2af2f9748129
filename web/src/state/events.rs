//! Applies events of the worker to the state.

use std::sync::Arc;

use js_sys::ArrayBuffer;
use leptos::prelude::*;
use vitrine_protocol::{Answered, Command, Event, Failure, FailureKind};

use crate::i18n::t;
use crate::inquiry::{self, Reply};
use crate::phase::Phase;
use crate::state::{Loaded, State};
use crate::strings;

impl State {
    /// Applies an event with its buffers. Some events cause a command.
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
            Event::Tensors { tensors } => self.tensors.update(|all| all.extend(tensors)),
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
                    // Ids have another meaning in another model. A recording has its own tokens.
                    if !untrack(|| self.recordings.is_shown()) {
                        self.strip.clear();
                    }
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
            // Events of a run that is over.
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

    pub(super) fn failed(&self, run: Option<u32>, failure: Failure) {
        if self.phase.get_untracked() == Phase::Loading && run.is_none() {
            return self.load_failed(failure);
        }
        if failure.kind != FailureKind::Request {
            return self.fail(failure);
        }
        let asked = self.asked.get_untracked().map(|(asked, _)| asked);
        match run {
            // A retry would be refused again.
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

    pub(super) fn reply(&self, run: u32, reply: Reply) {
        self.replies.get_value().take(run, reply);
    }
}
