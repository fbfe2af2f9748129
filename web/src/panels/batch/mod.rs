mod column;

use leptos::prelude::*;
use vitrine_protocol::{
    Answer, AnswerPart, BatchRequest, GenerateRequest, PacketParts, Prompt, Question, TokenStep,
};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::format;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::reactive::memo;
use crate::state::State;

/// Default prompts, one per line.
const EXAMPLE: &str = "The capital of France is\nThe capital of Japan is\nThe capital of Brazil is";
/// Candidates of each column.
const TOP: u32 = 5;
/// Maximum number of prompts.
const MOST: usize = 8;

/// The prompt and the tokens of a sequence so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    prompt: String,
    steps: Vec<TokenStep>,
}

/// Several prompts in one run, side by side.
#[component]
pub fn BatchPanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    let text = RwSignal::new(EXAMPLE.to_owned());
    let sequences = RwSignal::new(Vec::<Sequence>::new());
    let prompts = move || {
        text.with(|text| {
            let lines = text.lines().map(str::trim_end);
            lines
                .filter(|it| !it.is_empty())
                .take(MOST)
                .map(str::to_owned)
                .collect::<Vec<String>>()
        })
    };
    let run = move |_| {
        let prompts = untrack(prompts);
        let Some(max_new_tokens) = untrack(|| state.settings.max_new_tokens()) else {
            return;
        };
        let sampling = untrack(|| state.settings.sampling.params());
        let request = |prompt: &String| GenerateRequest {
            prompt: Prompt::Text {
                text: prompt.clone(),
            },
            max_new_tokens,
            top: TOP,
            kv_cache: true,
            packet: PacketParts::NONE,
            interventions: vec![],
            sampling: sampling.clone(),
        };
        let question = Question::Batch(BatchRequest {
            width: prompts.len() as u32,
            sequences: prompts.iter().map(request).collect(),
        });
        let begun = prompts.into_iter().map(|prompt| Sequence {
            prompt,
            steps: vec![],
        });
        // A cached answer arrives at once and was shown here before.
        let before = sequences.get_untracked();
        sequences.set(begun.collect());
        inquiry.ask_with(question, move |part| {
            if let AnswerPart::BatchToken { sequence, step } = part {
                sequences.update(|all| {
                    if let Some(one) = all.get_mut(sequence as usize) {
                        one.steps.push(*step);
                    }
                });
            }
        });
        if !inquiry.pending() && before.len() == sequences.with_untracked(Vec::len) {
            sequences.set(before);
        }
    };
    let columns = memo(move |_| sequences.with(Vec::len));
    let throughput = move || {
        inquiry
            .answered
            .with(|answered| match &answered.as_deref()?.answer {
                Answer::Batch(it) => Some(view! {
                    <p
                        class="batch-summary"
                        data-testid="batch-summary"
                        data-tokens=it.tokens.to_string()
                        data-rate=it.tokens_per_s.to_string()
                    >
                        {t!(
                            "batch-summary",
                            tokens = it.tokens,
                            seconds = format::seconds(it.seconds),
                            rate = format::rate(it.tokens_per_s),
                            width = it.width
                        )}
                    </p>
                }),
                _ => None,
            })
    };
    view! {
        <section class="panel batch" aria-labelledby="batch-heading" data-testid="batch-panel">
            <h2 id="batch-heading">{t("batch-heading")}</h2>
            <p class="hint">{t("batch-note")}</p>
            <label class="field">
                <span class="field-label">{t!("batch-prompts", most = MOST)}</span>
                <textarea
                    class="text"
                    rows="4"
                    data-testid="batch-prompts"
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                ></textarea>
            </label>
            <div class="button-row">
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="batch-run"
                    disabled=move || {
                        state.phase.get() != Phase::Ready || inquiry.pending()
                            || prompts().is_empty()
                    }
                    on:click=run
                >
                    {t("batch-run")}
                </button>
                <Show when=move || state.loaded.with(Option::is_none)>
                    <span class="hint">{t("needs-model")}</span>
                </Show>
            </div>
            <AnswerStatus inquiry what=t("batch-asking") />
            {throughput}
        </section>
        <div class="batch-columns">
            <For each=move || 0..columns.get() key=|index| *index let(index)>
                <column::Column sequences index />
            </For>
        </div>
    }
}
