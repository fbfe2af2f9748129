//! Commands that wait for the session, and which of them should stop.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use vitrine_protocol::Command;

/// A queue of commands between the message handler and the session.
///
/// `Stop` does not wait in the queue: it marks every command that arrived before it, whether that
/// runs already or is still waiting.
#[derive(Default)]
pub struct Mailbox {
    queue: RefCell<VecDeque<(Ticket, Command)>>,
    waker: RefCell<Option<Waker>>,
    arrived: Cell<u64>,
    stopped: Cell<u64>,
}

/// The order in which a command arrived; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Mailbox {
    /// Takes a command from the page.
    pub fn push(&self, command: Command) {
        // A new generation stops the one before it.
        if matches!(command, Command::Stop | Command::Generate { .. }) {
            self.stopped.set(self.arrived.get());
        }
        if matches!(command, Command::Stop) {
            return;
        }
        self.arrived.set(self.arrived.get() + 1);
        self.queue
            .borrow_mut()
            .push_back((Ticket(self.arrived.get()), command));
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// The next command, as soon as there is one.
    pub async fn next(&self) -> (Ticket, Command) {
        poll_fn(|context| match self.queue.borrow_mut().pop_front() {
            Some(entry) => Poll::Ready(entry),
            None => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Whether the command of this ticket should end.
    pub fn stop_requested(&self, ticket: Ticket) -> bool {
        ticket.0 <= self.stopped.get()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;

    use vitrine_protocol::{GenerateRequest, Prompt};

    use super::*;

    fn generate(run: u32) -> Command {
        let prompt = Prompt::Ids { ids: vec![1] };
        let request = GenerateRequest {
            prompt,
            max_new_tokens: 1,
            top: 0,
            kv_cache: true,
        };
        Command::Generate { run, request }
    }

    fn take(mailbox: &Mailbox) -> Option<(Ticket, Command)> {
        match pin!(mailbox.next()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(entry) => Some(entry),
            Poll::Pending => None,
        }
    }

    #[test]
    fn stop_ends_what_came_before_it_and_nothing_after() {
        let mailbox = Mailbox::default();
        mailbox.push(generate(1));
        let (first, _) = take(&mailbox).unwrap();
        assert!(!mailbox.stop_requested(first));
        mailbox.push(Command::Stop);
        assert!(mailbox.stop_requested(first));
        mailbox.push(generate(2));
        let (second, _) = take(&mailbox).unwrap();
        assert!(!mailbox.stop_requested(second));
        assert_eq!(take(&mailbox), None);
    }

    #[test]
    fn a_generation_stops_the_one_before_it() {
        let mailbox = Mailbox::default();
        mailbox.push(generate(1));
        mailbox.push(generate(2));
        let (first, _) = take(&mailbox).unwrap();
        let (second, _) = take(&mailbox).unwrap();
        assert!(mailbox.stop_requested(first));
        assert!(!mailbox.stop_requested(second));
    }
}
