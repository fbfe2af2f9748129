mod lanes;

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{Answer, AnswerPart, Question, RaceReport};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::needs::Needs;
use crate::components::number_slider::NumberSlider;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::reactive::memo;
use crate::state::State;
use crate::visible;

/// Texts of the tokens of both runs: with the cache, and without it.
pub type Texts = [Vec<String>; 2];

/// The same generation with the KV cache and without it, both measured on this GPU.
#[component]
pub fn RacePanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    let new_tokens = RwSignal::new(12.0);
    let texts = RwSignal::new(Texts::default());
    let race = move |_| {
        let Some(prompt) = untrack(|| state.sequence()) else {
            return;
        };
        texts.set(Texts::default());
        inquiry.answered.set(None);
        let question = Question::Race {
            prompt,
            max_new_tokens: new_tokens.get_untracked() as u32,
        };
        inquiry.ask_with(question, move |part| {
            if let AnswerPart::Raced { kv_cache, step } = part {
                texts.update(|texts| {
                    texts[usize::from(!kv_cache)].push(visible::label(&step.piece));
                });
            }
        });
    };
    let report = memo(move |_| {
        inquiry
            .answered
            .with(|answered| match &answered.as_deref()?.answer {
                Answer::Race(report) => Some(Arc::new(report.clone())),
                _ => None,
            })
    });
    let ready = move || state.sequence().is_some() && !inquiry.pending();
    view! {
        <section class="panel race" aria-labelledby="race-heading" data-testid="race-panel">
            <h2 id="race-heading">{t("race-heading")}</h2>
            <p class="hint">{t("race-note")}</p>
            <NumberSlider id="race-tokens" label=t("race-tokens") value=new_tokens
                min=2.0 max=64.0 step=1.0 />
            <div class="button-row">
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="race"
                    disabled=move || !ready()
                    on:click=race
                >
                    {t("race-ask")}
                </button>
            </div>
            <Needs state />
            <AnswerStatus inquiry what=t("race-asking") />
            <Show when=move || report.with(Option::is_none)>
                {move || lanes::measuring(&texts.get())}
            </Show>
            {move || report.get().map(|report| summary(&report))}
        </section>
        {move || report.get().map(|report| view! {
            <lanes::Replay report=Arc::clone(&report) texts=texts.get_untracked() />
            <lanes::Chart report />
        })}
    }
}

fn summary(report: &RaceReport) -> impl IntoView + use<> {
    let same = if report.same_tokens {
        t("race-same")
    } else {
        t("race-differ")
    };
    view! {
        <p
            class="race-summary"
            data-testid="race-summary"
            data-time-ratio=report.time_ratio.to_string()
            data-flops-ratio=report.flops_ratio.to_string()
            data-same-tokens=report.same_tokens.to_string()
        >
            {t!(
                "race-summary",
                time = format!("{:.2}", report.time_ratio),
                flops = format!("{:.2}", report.flops_ratio)
            )}
            " "
            {same}
        </p>
    }
}
