//! Questions of the panels to the worker, and their answers.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use js_sys::{ArrayBuffer, Float32Array, Uint8Array};
use leptos::prelude::*;
use vitrine_protocol::{
    Answer, AnswerPart, Answered, Command, Failure, Question, Tensor, TensorData, TensorHeader,
    TensorType,
};

use crate::bridge::Bridge;
use crate::reactive::{effect, memo};
use crate::state::State;

/// Maximum bytes of tensors in the cache of answers.
const REMEMBERED_BYTES: usize = 48 << 20;
/// Maximum number of remembered answers.
const REMEMBERED: usize = 24;

/// A reply to a question.
pub enum Reply {
    /// Progress.
    Progress {
        /// Completed steps.
        done: u64,
        /// Total steps.
        total: u64,
    },
    /// Part of an answer.
    Part(AnswerPart),
    /// The complete answer; the last message.
    Answer(Arc<Answered>),
    /// The question was withdrawn; the last message.
    Stopped,
    /// The question cannot be answered; the last message.
    Failed(Failure),
}

/// Pending questions, and the cache of answers.
#[derive(Clone, Default)]
pub struct Replies(Rc<RefCell<Waiting>>);

#[derive(Default)]
struct Waiting {
    handlers: HashMap<u32, Rc<dyn Fn(Reply)>>,
    remembered: VecDeque<(Question, Arc<Answered>)>,
    questions: HashMap<u32, Question>,
}

/// Bytes of a tensor.
fn size(tensor: &Tensor) -> usize {
    4 * tensor.floats().len() + tensor.bytes().len()
}

impl Replies {
    /// Clears everything, because another model has other answers.
    pub fn clear(&self) {
        *self.0.borrow_mut() = Waiting::default();
    }

    /// Delivers a reply to question number `run`; returns whether it was pending.
    pub fn take(&self, run: u32, reply: Reply) -> bool {
        let handler = {
            let mut waiting = self.0.borrow_mut();
            match &reply {
                Reply::Progress { .. } | Reply::Part(_) => waiting.handlers.get(&run).cloned(),
                Reply::Answer(answered) => {
                    if let Some(question) = waiting.questions.remove(&run) {
                        waiting.remember(question, Arc::clone(answered));
                    }
                    waiting.handlers.remove(&run)
                }
                Reply::Stopped | Reply::Failed(_) => {
                    waiting.questions.remove(&run);
                    waiting.handlers.remove(&run)
                }
            }
        };
        let Some(handler) = handler else { return false };
        handler(reply);
        true
    }

    fn known(&self, question: &Question) -> Option<Arc<Answered>> {
        let waiting = self.0.borrow();
        let mut remembered = waiting.remembered.iter();
        let found = remembered.find(|(asked, _)| asked == question);
        found.map(|(_, answered)| Arc::clone(answered))
    }

    fn wait(&self, run: u32, question: Question, handler: Rc<dyn Fn(Reply)>) {
        let mut waiting = self.0.borrow_mut();
        waiting.handlers.insert(run, handler);
        waiting.questions.insert(run, question);
    }

    fn leave(&self, run: u32) {
        let mut waiting = self.0.borrow_mut();
        waiting.handlers.remove(&run);
        waiting.questions.remove(&run);
    }
}

impl Waiting {
    fn remember(&mut self, question: Question, answered: Arc<Answered>) {
        // Benchmarks are measured again each time.
        if matches!(
            question,
            Question::Race { .. } | Question::Bench(_) | Question::Tune { .. }
        ) {
            return;
        }
        self.remembered.push_front((question, answered));
        let mut bytes = 0;
        let mut kept = 0;
        for (_, answered) in &self.remembered {
            bytes += answered.tensors.iter().map(size).sum::<usize>();
            if kept > 0 && (bytes > REMEMBERED_BYTES || kept == REMEMBERED) {
                break;
            }
            kept += 1;
        }
        self.remembered.truncate(kept);
    }
}

/// The tensors of an answer, from its buffers.
pub fn tensors(answer: &Answer, buffers: &[ArrayBuffer]) -> Vec<Tensor> {
    let headers: &[TensorHeader] = match answer {
        Answer::Trace(report) => &report.tensors,
        Answer::AttentionThumbnails(report) => &report.tensors,
        Answer::Attention(report) => &report.tensors,
        Answer::Rope(report) => &report.tensors,
        _ => &[],
    };
    let tensor = |(header, buffer): (&TensorHeader, &ArrayBuffer)| Tensor {
        name: header.name.clone(),
        shape: header.shape.clone(),
        data: match header.dtype {
            TensorType::F32 => TensorData::F32(Float32Array::new(buffer).to_vec()),
            TensorType::U8 => TensorData::U8(Uint8Array::new(buffer).to_vec()),
        },
    };
    headers.iter().zip(buffers).map(tensor).collect()
}

/// A question of a panel and its answer, as signals. It is withdrawn when the panel is removed.
#[derive(Clone, Copy)]
pub struct Inquiry {
    /// The latest answer; kept while the next question is pending.
    pub answered: RwSignal<Option<Arc<Answered>>>,
    /// Finished and total steps of the current question, if known.
    pub progress: RwSignal<Option<(u64, u64)>>,
    /// Why the question could not be answered.
    pub failure: RwSignal<Option<String>>,
    run: RwSignal<Option<u32>>,
    state: State,
    bridge: Bridge,
}

impl Inquiry {
    /// An inquiry without a question.
    pub fn new(state: State, bridge: Bridge) -> Self {
        let inquiry = Self {
            answered: RwSignal::new(None),
            progress: RwSignal::new(None),
            failure: RwSignal::new(None),
            run: RwSignal::new(None),
            state,
            bridge,
        };
        on_cleanup(move || inquiry.withdraw());
        inquiry
    }

    /// Whether the question is pending. Tracks it.
    pub fn pending(&self) -> bool {
        self.run.with(Option::is_some)
    }

    /// Asks a question; a pending one is withdrawn.
    pub fn ask(&self, question: Question) {
        self.ask_with(question, |_| {});
    }

    /// Asks a question; `on_part` receives the parts of its answer.
    pub fn ask_with(&self, question: Question, on_part: impl Fn(AnswerPart) + 'static) {
        self.withdraw();
        self.failure.set(None);
        let replies = self.state.replies.get_value();
        if let Some(answered) = replies.known(&question) {
            return self.answered.set(Some(answered));
        }
        let run = self.state.next_run();
        let this = *self;
        let handler = move |reply: Reply| {
            match reply {
                Reply::Progress { done, total } => {
                    return this.progress.set(Some((done, total)));
                }
                Reply::Part(part) => return on_part(part),
                Reply::Answer(answered) => this.answered.set(Some(answered)),
                Reply::Stopped => {}
                Reply::Failed(failure) => this.failure.set(Some(failure.message)),
            }
            this.progress.set(None);
            this.run.set(None);
        };
        replies.wait(run, question.clone(), Rc::new(handler));
        self.run.set(Some(run));
        self.bridge.send(&Command::Ask { run, question });
    }

    /// Withdraws the current question.
    pub fn withdraw(&self) {
        if let Some(run) = self.run.try_get_untracked().flatten() {
            self.state.replies.get_value().leave(run);
            self.bridge.send(&Command::Withdraw { run });
            self.run.try_set(None);
            self.progress.try_set(None);
        }
    }

    /// Asks whenever `question` returns a different question. While it returns none, as during a
    /// generation, the latest answer stays.
    pub fn follow(&self, question: impl Fn() -> Option<Question> + Send + Sync + 'static) {
        let this = *self;
        let question = memo(move |_| question());
        effect(move || {
            if let Some(question) = question.get() {
                this.ask(question);
            }
        });
    }
}
