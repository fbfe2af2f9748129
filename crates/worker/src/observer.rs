//! Forwards the engine's events to the page.

use vitrine_engine::Observer;
use vitrine_protocol::{AnswerPart, Event, SamplingParams, TokenPiece, TokenStep};

use crate::mailbox::{Mailbox, Ticket};
use crate::scope;

/// Posts the events of one generation or question, and stops it when the page asks for that.
pub struct PagePoster<'a> {
    /// The page's number.
    pub run: u32,
    /// The command that began it.
    pub ticket: Ticket,
    /// Tells whether it should stop.
    pub mailbox: &'a Mailbox,
}

impl Observer for PagePoster<'_> {
    fn prompt(&mut self, _sequence: usize, tokens: &[TokenPiece]) {
        scope::post(&Event::PromptTokens {
            run: self.run,
            tokens: tokens.to_vec(),
        });
    }

    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        scope::post(&Event::Token {
            run: self.run,
            step: Box::new(step.clone()),
        });
    }

    fn new_sampling(&mut self) -> Option<SamplingParams> {
        // A generation that waits has its own settings already.
        if self.mailbox.stop_requested(self.ticket, self.run) {
            return None;
        }
        self.mailbox.new_sampling()
    }

    fn stop_requested(&mut self) -> bool {
        self.mailbox.stop_requested(self.ticket, self.run)
    }

    fn progress(&mut self, done: u64, total: u64) {
        let run = self.run;
        scope::post(&Event::AskProgress { run, done, total });
    }

    fn part(&mut self, part: AnswerPart) {
        let run = self.run;
        scope::post(&Event::AnswerPart { run, part });
    }
}
