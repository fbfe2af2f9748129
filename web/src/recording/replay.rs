//! Recordings on the token strip, and the strip as a recording.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use vitrine_protocol::{GenerateSummary, PacketParts, TokenPacket, TokenStep};

use crate::phase::Phase;
use crate::recording::{Recording, Recordings};
use crate::state::State;
use crate::strip::{Origin, StripToken};

impl Recordings {
    /// Shows a recording: all of it at once. A generation must not be running.
    pub fn open(&self, state: State, recording: Recording) {
        if state.phase.get_untracked() == Phase::Generating {
            return;
        }
        self.forget();
        let model = &recording.model;
        state
            .selection
            .fit(model.num_hidden_layers, model.num_attention_heads);
        state.branches.clear();
        let recording = Arc::new(recording);
        self.shown.set(Some(Arc::clone(&recording)));
        begin(state, &recording);
        for step in &recording.steps {
            state.strip.push(step.clone());
        }
        state.strip.finish(recording.summary.clone());
    }

    /// Closes the recording.
    pub fn close(&self, state: State) {
        self.forget();
        state.strip.clear();
        state.branches.clear();
    }

    /// Plays it again at the recorded pace.
    pub fn play(&self, state: State) {
        let Some(recording) = self.shown.get_untracked() else {
            return;
        };
        self.turn.update_value(|turn| *turn += 1);
        self.playing.set(true);
        begin(state, &recording);
        self.play_from(state, recording, 0, self.turn.get_value());
    }

    /// Shows the rest at once.
    pub fn hurry(&self, state: State) {
        if let Some(recording) = self.shown.get_untracked() {
            self.open(state, Recording::clone(&recording));
        }
    }

    fn play_from(&self, state: State, recording: Arc<Recording>, index: usize, turn: u32) {
        let this = *self;
        let Some(step) = recording.steps.get(index) else {
            state.strip.finish(recording.summary.clone());
            return self.playing.set(false);
        };
        let before = index.checked_sub(1).and_then(|it| recording.steps.get(it));
        let pause = step.elapsed_s - before.map_or(0.0, |it| it.elapsed_s);
        let pause = Duration::try_from_secs_f64(pause).unwrap_or_default();
        let turn_over = move || {
            if this.turn.get_value() == turn
                && let Some(step) = recording.steps.get(index)
            {
                state.strip.push(step.clone());
                this.play_from(state, recording, index + 1, turn);
            }
        };
        set_timeout(turn_over, pause);
    }
}

fn begin(state: State, recording: &Recording) {
    let run = state.next_run();
    state.strip.begin(run, recording.prompt_text(), false);
    state.strip.prompt(recording.tokens.clone());
}

/// The strip as a recording; `None` while it grows, or if it is empty. Tokens up to the last inserted one are its
/// prompt. Tracks its inputs.
pub fn of_strip(state: State) -> Option<Recording> {
    if state.phase.get() == Phase::Generating || state.recordings.playing.get() {
        return None;
    }
    let last = state.strip.summary.get()?;
    let shown = state.recordings.shown.get();
    let tokens = state.strip.tokens.get();
    let begin = tokens
        .iter()
        .rposition(|it| it.origin != Origin::Generated)?
        + 1;
    let (prompt, new) = tokens.split_at(begin);
    let steps: Vec<_> = (begin as u32..).zip(new).map(step).collect();
    let text = match &last.text {
        // It may end with an incomplete character.
        Some(text) if last.ids.len() == steps.len() => Some(text.clone()),
        Some(_) => Some(steps.iter().map(|it| it.text.as_str()).collect()),
        None => None,
    };
    let summary = GenerateSummary {
        prompt_ids: prompt.iter().map(|it| it.piece.id).collect(),
        ids: steps.iter().map(|it| it.piece.id).collect(),
        text,
        ..last
    };
    let (model, adapter, recorded, parts) = match shown {
        Some(shown) => (
            shown.model.clone(),
            shown.adapter.clone(),
            shown.recorded.clone(),
            shown.parts,
        ),
        None => (
            state.loaded.get()?.model,
            state.adapter.get()?.name,
            js_sys::Date::new_0().to_iso_string().as_string(),
            parts(&steps),
        ),
    };
    Some(Recording {
        model,
        adapter,
        recorded,
        parts,
        tokens: prompt.iter().map(|it| it.piece.clone()).collect(),
        steps,
        summary,
    })
}

fn step((position, token): (u32, &StripToken)) -> TokenStep {
    TokenStep {
        position,
        piece: token.piece.clone(),
        text: token.text.clone(),
        distribution: token.distribution.as_deref().cloned(),
        packet: token.packet.as_deref().cloned(),
        draw: token.draw,
        elapsed_s: token.elapsed_s.unwrap_or_default(),
    }
}

/// The parts that all packets have.
fn parts(steps: &[TokenStep]) -> PacketParts {
    let has = |packet: &TokenPacket, part: PacketParts| match part {
        PacketParts::LOGITS => packet.logits.is_some(),
        PacketParts::HEADS => !packet.heads.is_empty(),
        PacketParts::RESIDUAL => !packet.residual.is_empty(),
        PacketParts::NEURONS => !packet.neurons.is_empty(),
        PacketParts::KV => !packet.keys.is_empty(),
        PacketParts::LENS => !packet.lens.is_empty(),
        PacketParts::TIMINGS => !packet.timings.is_empty(),
        _ => false,
    };
    let in_all = |part: PacketParts| {
        let mut packets = steps.iter().map(|it| it.packet.as_ref());
        !steps.is_empty() && packets.all(|it| it.is_some_and(|it| has(it, part)))
    };
    let named = PacketParts::NAMES.into_iter().map(|(_, part)| part);
    let recorded = named.filter(|part| in_all(*part));
    recorded.fold(PacketParts::NONE, PacketParts::with)
}
