//! The commands that generate.

use leptos::prelude::*;
use vitrine_protocol::{
    AdapterSummary, Command, ForkRequest, GenerateRequest, PacketParts, Prompt,
};

use crate::branches::Fork;
use crate::i18n::t;
use crate::phase::Phase;
use crate::state::{State, TOP};
use crate::view::View;
use crate::{strings, token_ids};

impl State {
    /// The command that generates from the prompt form; `None` if that is impossible.
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
        self.recordings.forget();
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

    /// The command that generates one more token, or the first one.
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

    /// The command that inserts another token at `position` and continues.
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

    pub(super) fn fork_command(
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

    pub(super) fn begin_generating(&self) {
        self.phase.set(Phase::Generating);
        self.announcement.set(t("announce-generating").to_owned());
    }

    /// The packet parts of each new token.
    pub(super) fn parts(&self) -> PacketParts {
        PacketParts::CHEAP.with(self.costly_parts())
    }

    /// The parts that are requested only if a panel shows them, or if everything is recorded.
    fn costly_parts(&self) -> PacketParts {
        let everything = self.recordings.everything.get_untracked();
        let timed = self
            .adapter
            .with_untracked(|it| it.as_ref().is_some_and(AdapterSummary::has_timestamps));
        let looked_at = self.selection.view.get_untracked() == View::Timings;
        let mut parts = PacketParts::NONE;
        if timed && (everything || looked_at) {
            parts = parts.with(PacketParts::TIMINGS);
        }
        if everything {
            parts = parts.with(PacketParts::LENS);
        }
        parts
    }
}
