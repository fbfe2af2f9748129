//! Questions about the sequence on the strip.

use leptos::prelude::*;
use vitrine_protocol::{Command, Prompt, Question};

use crate::phase::Phase;
use crate::state::{State, TOP};
use crate::strip::Origin;

/// Maximum length of a prompt whose surprisal is computed automatically.
const MEASURED_PROMPT: usize = 512;

impl State {
    /// The question about the selected prompt token, if it can be asked now. Tracks its inputs.
    pub fn question(&self) -> Option<Command> {
        let position = self.strip.selected.get()?;
        let token = self.strip.token(position)?;
        let known = token.distribution.is_some() || token.origin != Origin::Prompt;
        if known || position == 0 || !self.answers() || self.asked.get().is_some() {
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

    /// Whether the strip's model is loaded and idle. Tracks both.
    fn answers(&self) -> bool {
        self.phase.get() == Phase::Ready && !self.recordings.is_shown()
    }

    /// The sequence on the strip as a prompt; `None` while it grows. Tracks both.
    pub fn sequence(&self) -> Option<Prompt> {
        let ids = self.strip.ids();
        (self.answers() && !ids.is_empty()).then_some(Prompt::Ids { ids })
    }

    /// The question for the surprisal of the prompt on the strip; `None` if it is known or cannot be asked now.
    pub fn unmeasured_prompt(&self) -> Option<Question> {
        let ids = self.strip.tokens.with(|tokens| {
            let prompt = tokens.iter().take_while(|it| it.origin == Origin::Prompt);
            let prompt: Vec<_> = prompt.collect();
            let unknown = prompt.iter().skip(1).any(|it| it.surprisal.is_none());
            unknown.then(|| prompt.iter().map(|it| it.piece.id).collect::<Vec<_>>())
        })?;
        let wanted = self.answers() && ids.len() <= MEASURED_PROMPT;
        wanted.then_some(Question::Positions {
            prompt: Prompt::Ids { ids },
            top: TOP,
        })
    }
}
