//! Traces of the whole sequence on the strip, below a size limit.

use leptos::prelude::{Get, With};
use vitrine_protocol::{Question, Tensor, TraceRequest};

use crate::state::State;
use crate::visible;

/// Maximum bytes of a trace.
const MOST_BYTES: u64 = 64 << 20;

/// The question for `taps` of the sequence on the strip, `floats` values per position; `None` while it grows, or
/// above the limit.
pub fn question(state: State, taps: &[&str], floats: u64) -> Option<Question> {
    let prompt = state.sequence()?;
    let positions = u64::from(state.strip.len());
    (floats * positions * 4 <= MOST_BYTES).then(|| {
        Question::Trace(TraceRequest {
            prompt,
            taps: taps.iter().map(|tap| (*tap).to_owned()).collect(),
            lens: None,
            interventions: vec![],
        })
    })
}

/// A tensor by its name.
pub fn tensor<'a>(tensors: &'a [Tensor], name: &str) -> Option<&'a Tensor> {
    tensors.iter().find(|tensor| tensor.name == name)
}

/// The Euclidean norm of row `row` of a tensor whose rows have `width` values.
pub fn norm(tensor: &Tensor, row: usize, width: usize) -> Option<f32> {
    let values = tensor.floats().get(row * width..(row + 1) * width)?;
    let sum: f64 = values
        .iter()
        .map(|it| f64::from(*it) * f64::from(*it))
        .sum();
    Some(sum.sqrt() as f32)
}

/// Column labels of a map over positions: the tokens, truncated.
pub fn column_names(state: State) -> Vec<String> {
    const LONGEST: usize = 10;
    state.strip.tokens.with(|tokens| {
        let labels = tokens.iter().map(|token| visible::label(&token.piece));
        let name = |(position, label): (usize, String)| {
            format!("{position} {}", visible::short(&label, LONGEST))
        };
        labels.enumerate().map(name).collect()
    })
}

/// Position and token for a sentence.
pub fn position_name(state: State, position: u32) -> String {
    match state.strip.token(position) {
        Some(token) => format!("{position} “{}”", visible::label(&token.piece)),
        None => position.to_string(),
    }
}

/// The model's sizes: layers, hidden_size, query heads, key heads.
pub fn sizes(state: State) -> Option<(u32, u32, u32, u32)> {
    let model = state.model()?;
    Some((
        model.num_hidden_layers,
        model.hidden_size,
        model.num_attention_heads,
        model.num_key_value_heads,
    ))
}

/// The selected position, else the last one.
pub fn position(state: State) -> u32 {
    let last = state.strip.len().saturating_sub(1);
    state.strip.selected.get().unwrap_or(last)
}
