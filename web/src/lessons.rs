//! The lessons: chapter 3 of *Hands-On Large Language Models*, on the reader's own model, as
//! predict, run, reveal, check.

use leptos::prelude::*;

use crate::format;
use crate::i18n::t;
use crate::state::{Loaded, State};
use crate::strip::Origin;
use crate::view::View;

/// The chapter's prompt.
const EMAIL: &str =
    "Write an email apologizing to Sarah for the tragic gardening mishap. Explain how it happened.";
const FRANCE: &str = "The capital of France is";

/// One lesson.
pub struct Lesson {
    /// Its title.
    pub title: fn() -> &'static str,
    /// What the reader should predict before anything is shown.
    pub predict: fn() -> &'static str,
    /// The panel that shows the result.
    pub view: View,
    /// The run that it needs; `None` if the loaded model is sufficient.
    pub run: Option<Run>,
    /// A sentence with the measured values; `None` until they exist.
    pub reveal: fn(State) -> Option<String>,
    /// A question about the numbers on the screen.
    pub check: fn() -> &'static str,
    /// Its answer; `None` until it exists.
    pub answer: fn(State) -> Option<f64>,
}

/// A generation that a lesson runs.
pub struct Run {
    /// The prompt.
    pub prompt: &'static str,
    /// Maximum number of new tokens.
    pub max_new_tokens: u32,
    /// Whether tokens are drawn at random.
    pub do_sample: bool,
}

const fn greedy(prompt: &'static str, max_new_tokens: u32) -> Option<Run> {
    Some(Run {
        prompt,
        max_new_tokens,
        do_sample: false,
    })
}

/// All lessons in order.
pub const LESSONS: [Lesson; 12] = [
    Lesson {
        title: || t("lesson-load"),
        predict: || t("lesson-load-predict"),
        view: View::Model,
        run: None,
        reveal: |state| {
            let loaded = loaded(state)?;
            Some(t!(
                "lesson-load-reveal",
                name = loaded.model.name,
                parameters = format::count(loaded.model.parameters),
                size = format::bytes(loaded.model.weight_bytes),
                time = format::seconds(loaded.load_s)
            ))
        },
        check: || t("lesson-load-check"),
        answer: |state| Some(loaded(state)?.model.weight_bytes as f64 / 1e6),
    },
    Lesson {
        title: || t("lesson-print"),
        predict: || t("lesson-print-predict"),
        view: View::Model,
        run: None,
        reveal: |state| {
            let model = loaded(state)?.model;
            Some(t!(
                "lesson-print-reveal",
                layers = model.num_hidden_layers,
                hidden = model.hidden_size,
                vocabulary = format::count(u64::from(model.vocab_size))
            ))
        },
        check: || t("lesson-print-check"),
        answer: |state| Some(f64::from(loaded(state)?.model.num_hidden_layers)),
    },
    Lesson {
        title: || t("lesson-tokens"),
        predict: || t("lesson-tokens-predict"),
        view: View::Tokens,
        run: greedy(EMAIL, 1),
        reveal: |state| {
            let count = prompt_tokens(state)?;
            Some(t!("lesson-tokens-reveal", count = count))
        },
        check: || t("lesson-tokens-check"),
        answer: |state| Some(f64::from(prompt_tokens(state)?)),
    },
    Lesson {
        title: || t("lesson-shapes"),
        predict: || t("lesson-shapes-predict"),
        view: View::Residual,
        run: greedy(FRANCE, 1),
        reveal: |state| {
            let model = loaded(state)?.model;
            Some(t!(
                "lesson-shapes-reveal",
                count = prompt_tokens(state)?,
                hidden = model.hidden_size,
                vocabulary = model.vocab_size
            ))
        },
        check: || t("lesson-shapes-check"),
        answer: |state| Some(f64::from(loaded(state)?.model.vocab_size)),
    },
    Lesson {
        title: || t("lesson-top-k"),
        predict: || t("lesson-top-k-predict"),
        view: View::Next,
        run: greedy(FRANCE, 1),
        reveal: |state| {
            let (token, probability) = first_choice(state)?;
            Some(t!(
                "lesson-top-k-reveal",
                token = token,
                probability = format::percent(probability)
            ))
        },
        check: || t("lesson-top-k-check"),
        answer: |state| Some(first_choice(state)?.1 * 100.0),
    },
    Lesson {
        title: || t("lesson-sampling"),
        predict: || t("lesson-sampling-predict"),
        view: View::Sampling,
        run: Some(Run {
            prompt: FRANCE,
            max_new_tokens: 8,
            do_sample: true,
        }),
        reveal: |state| Some(t!("lesson-sampling-reveal", kept = kept(state)?)),
        check: || t("lesson-sampling-check"),
        answer: |state| Some(f64::from(kept(state)?)),
    },
    Lesson {
        title: || t("lesson-lens"),
        predict: || t("lesson-lens-predict"),
        view: View::Lens,
        run: greedy(FRANCE, 1),
        reveal: |state| {
            prompt_tokens(state)?;
            let layers = loaded(state)?.model.num_hidden_layers;
            Some(t!("lesson-lens-reveal", rows = layers + 1))
        },
        check: || t("lesson-lens-check"),
        answer: |state| Some(f64::from(loaded(state)?.model.num_hidden_layers + 1)),
    },
    Lesson {
        title: || t("lesson-heads"),
        predict: || t("lesson-heads-predict"),
        view: View::Attention,
        run: greedy(FRANCE, 4),
        reveal: |state| {
            let model = loaded(state)?.model;
            Some(t!(
                "lesson-heads-reveal",
                layers = model.num_hidden_layers,
                heads = model.num_attention_heads,
                all = model.num_hidden_layers * model.num_attention_heads
            ))
        },
        check: || t("lesson-heads-check"),
        answer: |state| {
            let model = loaded(state)?.model;
            Some(f64::from(
                model.num_hidden_layers * model.num_attention_heads,
            ))
        },
    },
    Lesson {
        title: || t("lesson-groups"),
        predict: || t("lesson-groups-predict"),
        view: View::Model,
        run: None,
        reveal: |state| {
            let model = loaded(state)?.model;
            Some(t!(
                "lesson-groups-reveal",
                heads = model.num_attention_heads,
                kv_heads = model.num_key_value_heads
            ))
        },
        check: || t("lesson-groups-check"),
        answer: |state| {
            let model = loaded(state)?.model;
            Some(f64::from(
                model.num_attention_heads / model.num_key_value_heads.max(1),
            ))
        },
    },
    Lesson {
        title: || t("lesson-rope"),
        predict: || t("lesson-rope-predict"),
        view: View::Rope,
        run: greedy(FRANCE, 4),
        reveal: |state| {
            prompt_tokens(state)?;
            Some(t("lesson-rope-reveal").to_owned())
        },
        check: || t("lesson-rope-check"),
        // Position 0 is rotated by an angle of 0, whatever the frequency.
        answer: |state| loaded(state).map(|_| 0.0),
    },
    Lesson {
        title: || t("lesson-cache"),
        predict: || t("lesson-cache-predict"),
        view: View::Race,
        run: greedy(FRANCE, 16),
        reveal: |state| {
            let bytes = loaded(state)?.model.kv_bytes_per_token;
            Some(t!(
                "lesson-cache-reveal",
                kib = format!("{:.1}", bytes as f64 / 1024.0)
            ))
        },
        check: || t("lesson-cache-check"),
        answer: |state| Some(loaded(state)?.model.kv_bytes_per_token as f64 / 1024.0),
    },
    Lesson {
        title: || t("lesson-int4"),
        predict: || t("lesson-int4-predict"),
        view: View::Quantisation,
        run: None,
        reveal: |state| {
            let model = loaded(state)?.model;
            Some(t!(
                "lesson-int4-reveal",
                format = model.format.clone(),
                bits = format!("{:.2}", bits_per_weight(state)?),
                f16 = format::bytes(model.parameters * 2),
                size = format::bytes(model.weight_bytes)
            ))
        },
        check: || t("lesson-int4-check"),
        answer: bits_per_weight,
    },
];

/// Whether an answer matches the measured value up to rounding.
pub fn is_right(given: f64, wanted: f64) -> bool {
    (given - wanted).abs() <= (wanted.abs() * 0.01).max(0.05)
}

fn loaded(state: State) -> Option<Loaded> {
    state.loaded.get()
}

fn prompt_tokens(state: State) -> Option<u32> {
    let count = state.strip.tokens.with(|tokens| {
        let prompt = tokens.iter().filter(|it| it.origin == Origin::Prompt);
        prompt.count() as u32
    });
    (count > 0).then_some(count)
}

/// The most probable token after the prompt, and its probability.
fn first_choice(state: State) -> Option<(String, f64)> {
    state.strip.tokens.with(|tokens| {
        let first = tokens.iter().find(|it| it.origin == Origin::Generated)?;
        let best = first.distribution.as_ref()?.top.first()?;
        Some((best.token.clone().unwrap_or_default(), best.probability))
    })
}

/// The number of tokens from which the first one was drawn.
fn kept(state: State) -> Option<u32> {
    state.strip.tokens.with(|tokens| {
        let drawn = tokens.iter().find_map(|it| it.draw)?;
        Some(drawn.kept)
    })
}

fn bits_per_weight(state: State) -> Option<f64> {
    let model = loaded(state)?.model;
    Some(model.weight_bytes as f64 * 8.0 / model.parameters.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::is_right;

    #[test]
    fn answers_may_be_rounded_but_not_wrong() {
        assert!(is_right(98.3, 98.341));
        assert!(is_right(30.0, 30.0));
        assert!(!is_right(29.0, 30.0));
        assert!(is_right(0.0, 0.0));
        assert!(!is_right(1.0, 0.0));
    }
}
