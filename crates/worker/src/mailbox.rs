//! The queue of commands, and which of them should stop.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use vitrine_protocol::{Command, SamplingParams};
use web_sys::Blob;

/// A queue of commands between the message handler and the session.
///
/// `Stop` and `CancelLoad` do not wait in the queue: they mark every earlier command, running or waiting. Nor does
/// `SetSampling`, which the running generation polls. `Withdraw` marks one command by its number.
#[derive(Default)]
pub struct Mailbox {
    queue: RefCell<VecDeque<Letter>>,
    waker: RefCell<Option<Waker>>,
    canceller: RefCell<Option<Waker>>,
    arrived: Cell<u64>,
    stopped: Cell<u64>,
    cancelled: Cell<u64>,
    sampling: RefCell<Option<SamplingParams>>,
    /// Numbers of withdrawn commands.
    withdrawn: RefCell<BTreeSet<u32>>,
}

/// A command and its files.
#[derive(Debug, PartialEq)]
pub struct Letter {
    /// Its order of arrival.
    pub ticket: Ticket,
    /// What the page asks.
    pub command: Command,
    /// The files of `ModelSource::Local`.
    pub files: Vec<Blob>,
}

/// The order in which a command arrived; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Mailbox {
    /// Takes a command from the page.
    pub fn push(&self, command: Command, files: Vec<Blob>) {
        // A new generation or another model stops the running generation.
        if matches!(
            command,
            Command::Stop
                | Command::Generate { .. }
                | Command::Fork { .. }
                | Command::LoadModel { .. }
        ) {
            self.stopped.set(self.arrived.get());
        }
        if matches!(command, Command::CancelLoad | Command::LoadModel { .. }) {
            self.cancelled.set(self.arrived.get());
            wake(&self.canceller);
        }
        match &command {
            Command::Stop | Command::CancelLoad => return,
            Command::SetSampling { params } => {
                *self.sampling.borrow_mut() = Some(params.clone());
                return;
            }
            Command::Withdraw { run } => {
                self.withdrawn.borrow_mut().insert(*run);
                return;
            }
            // It brings its own.
            Command::Generate { .. } => *self.sampling.borrow_mut() = None,
            _ => {}
        }
        if let Some(run) = command.run() {
            self.withdrawn.borrow_mut().remove(&run);
        }
        self.arrived.set(self.arrived.get() + 1);
        self.queue.borrow_mut().push_back(Letter {
            ticket: Ticket(self.arrived.get()),
            command,
            files,
        });
        wake(&self.waker);
    }

    /// The next command, as soon as there is one.
    pub async fn next(&self) -> Letter {
        poll_fn(|context| match self.queue.borrow_mut().pop_front() {
            Some(letter) => Poll::Ready(letter),
            None => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Whether a command waits.
    pub fn has_some(&self) -> bool {
        !self.queue.borrow().is_empty()
    }

    /// Returns when the loading of this ticket should end.
    pub async fn cancelled(&self, ticket: Ticket) {
        poll_fn(|context| {
            if ticket.0 <= self.cancelled.get() {
                return Poll::Ready(());
            }
            *self.canceller.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The newest `SetSampling` that was not taken yet.
    pub fn new_sampling(&self) -> Option<SamplingParams> {
        self.sampling.borrow_mut().take()
    }

    /// Whether the command of this ticket and number should end.
    pub fn stop_requested(&self, ticket: Ticket, run: u32) -> bool {
        ticket.0 <= self.stopped.get() || self.withdrawn(run)
    }

    /// Whether the command of this number was withdrawn.
    pub fn withdrawn(&self, run: u32) -> bool {
        self.withdrawn.borrow().contains(&run)
    }
}

fn wake(waker: &RefCell<Option<Waker>>) {
    if let Some(waker) = waker.borrow_mut().take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;

    use vitrine_protocol::{GenerateRequest, HubAccess, ModelSource, Prompt, Question};

    use super::*;

    fn generate(run: u32) -> Command {
        let prompt = Prompt::Ids { ids: vec![1] };
        let request = GenerateRequest {
            prompt,
            max_new_tokens: 1,
            top: 0,
            kv_cache: true,
            packet: Default::default(),
            interventions: vec![],
            sampling: SamplingParams::default(),
        };
        Command::Generate { run, request }
    }

    fn load() -> Command {
        Command::LoadModel {
            source: ModelSource::Kept {
                name: String::new(),
            },
            hub: HubAccess::default(),
            pack_activations: false,
        }
    }

    fn push(mailbox: &Mailbox, command: Command) {
        mailbox.push(command, Vec::new());
    }

    fn take(mailbox: &Mailbox) -> Option<Ticket> {
        poll(mailbox.next()).map(|letter| letter.ticket)
    }

    fn poll<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn stop_ends_what_came_before_it_and_nothing_after() {
        let mailbox = Mailbox::default();
        push(&mailbox, generate(1));
        let first = take(&mailbox).unwrap();
        assert!(!mailbox.stop_requested(first, 1));
        push(&mailbox, Command::Stop);
        assert!(mailbox.stop_requested(first, 1));
        push(&mailbox, generate(2));
        let second = take(&mailbox).unwrap();
        assert!(!mailbox.stop_requested(second, 2));
        assert_eq!(take(&mailbox), None);
    }

    #[test]
    fn a_generation_stops_the_one_before_it() {
        let mailbox = Mailbox::default();
        push(&mailbox, generate(1));
        push(&mailbox, generate(2));
        let first = take(&mailbox).unwrap();
        let second = take(&mailbox).unwrap();
        assert!(mailbox.stop_requested(first, 1));
        assert!(!mailbox.stop_requested(second, 2));
    }

    #[test]
    fn a_question_waits_for_a_generation_and_can_be_withdrawn_alone() {
        let ask = |run| Command::Ask {
            run,
            question: Question::Inspect { context: None },
        };
        let mailbox = Mailbox::default();
        push(&mailbox, generate(1));
        push(&mailbox, ask(2));
        push(&mailbox, ask(3));
        let generation = take(&mailbox).unwrap();
        assert!(!mailbox.stop_requested(generation, 1));
        push(&mailbox, Command::Withdraw { run: 2 });
        let (second, third) = (take(&mailbox).unwrap(), take(&mailbox).unwrap());
        assert!(mailbox.withdrawn(2) && mailbox.stop_requested(second, 2));
        assert!(!mailbox.stop_requested(third, 3));
        assert!(!mailbox.stop_requested(generation, 1));
        push(&mailbox, ask(2));
        assert!(!mailbox.withdrawn(2), "the number was used again");
    }

    #[test]
    fn cancelling_ends_the_loading_before_it_and_no_generation() {
        let mailbox = Mailbox::default();
        push(&mailbox, load());
        push(&mailbox, generate(1));
        let (first, run) = (take(&mailbox).unwrap(), take(&mailbox).unwrap());
        assert_eq!(poll(mailbox.cancelled(first)), None);
        push(&mailbox, Command::CancelLoad);
        assert_eq!(poll(mailbox.cancelled(first)), Some(()));
        assert!(!mailbox.stop_requested(run, 1));
        push(&mailbox, load());
        let second = take(&mailbox).unwrap();
        assert_eq!(poll(mailbox.cancelled(second)), None);
        assert!(
            mailbox.stop_requested(run, 1),
            "another model ends a generation"
        );
    }
}
