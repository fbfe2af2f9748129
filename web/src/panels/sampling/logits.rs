//! All logits of the position that the panel shows.

use std::sync::Arc;

use leptos::prelude::{Get, With};
use vitrine_protocol::{Answer, Answered, Candidate, Prompt, Question, TraceRequest};
use vitrine_sampling::Counts;

use crate::i18n::t;
use crate::phase::Phase;
use crate::state::State;
use crate::strip::Origin;

/// Maximum bytes of logits.
const MOST_BYTES: u64 = 128 << 20;

/// The logits and the counts of a position.
#[derive(Clone, PartialEq)]
pub struct Position {
    /// The position of the drawn token.
    pub position: u32,
    /// The logits: (vocab_size).
    pub logits: Arc<Vec<f32>>,
    /// The counts for the penalties.
    pub counts: Arc<Counts>,
    /// The most probable tokens, with their texts.
    pub candidates: Vec<Candidate>,
    /// The token at that position of the strip.
    pub there: Option<u32>,
}

/// The shown position: the selected one, else the newest new token, else the next position.
fn shown(state: State) -> Option<u32> {
    let strip = state.strip;
    let position = strip.shown().unwrap_or_else(|| strip.len());
    (position > 0 && strip.len() > 0).then_some(position)
}

/// The question for its logits, if it can be asked now.
pub fn question(state: State) -> Option<Question> {
    let position = shown(state)?;
    if state.phase.get() != Phase::Ready || bytes(state, position)? > MOST_BYTES {
        return None;
    }
    Some(Question::Trace(TraceRequest {
        prompt: Prompt::Ids {
            ids: state.strip.prefix(position),
        },
        taps: vec![String::from("logits")],
        lens: None,
        interventions: vec![],
    }))
}

/// Why there are no logits, and what to do.
pub fn why_none(state: State) -> Option<&'static str> {
    if state.loaded.with(Option::is_none) {
        return Some(t("needs-model"));
    }
    let Some(position) = shown(state) else {
        return Some(t("sampling-none"));
    };
    let too_long = bytes(state, position).is_some_and(|bytes| bytes > MOST_BYTES);
    too_long.then(|| t("sampling-too-long"))
}

fn bytes(state: State, position: u32) -> Option<u64> {
    let vocab = state
        .loaded
        .with(|it| it.as_ref().map(|it| it.model.vocab_size))?;
    Some(u64::from(vocab) * u64::from(position) * 4)
}

/// The position from an answer.
pub fn position(state: State, answered: &Answered) -> Option<Position> {
    let Answer::Trace(report) = &answered.answer else {
        return None;
    };
    let tensor = answered.tensors.first()?;
    let vocab = *tensor.shape.last()? as usize;
    let all = tensor.floats();
    let logits = all.get(all.len().checked_sub(vocab)?..)?.to_vec();
    let position = report.prompt.len() as u32;
    let ids: Vec<u32> = report.prompt.iter().map(|piece| piece.id).collect();
    let (asked, there) = state.strip.tokens.with(|tokens| {
        let prompt = tokens.iter().take_while(|it| it.origin == Origin::Prompt);
        let there = tokens.get(position as usize).map(|it| it.piece.id);
        (prompt.count().min(ids.len()), there)
    });
    let (prompt, generated) = ids.split_at(asked);
    Some(Position {
        position,
        counts: Arc::new(Counts::new(logits.len(), prompt, generated)),
        logits: Arc::new(logits),
        candidates: report.distribution.top.clone(),
        there,
    })
}
