mod table;

use leptos::prelude::*;
use vitrine_protocol::{
    Answer, AnswerPart, CompareFormat, CompareRequest, FormatRow, Prompt, Question,
};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::number_slider::NumberSlider;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::reactive::memo;
use crate::state::State;

/// A format, its name, and its description in the user's language.
type Format = (CompareFormat, &'static str, fn() -> &'static str);

/// Formats that can be compared, the exact one first.
const FORMATS: [Format; 6] = [
    (CompareFormat::F32, "f32", || t("compare-f32")),
    (CompareFormat::F16, "f16", || t("compare-f16")),
    (CompareFormat::KvQ8, "kv-q8", || t("compare-kv-q8")),
    (CompareFormat::Q8, "q8", || t("compare-q8")),
    (CompareFormat::Q4, "q4", || t("compare-q4")),
    (CompareFormat::Q4Group128, "q4-128", || t("compare-q4-128")),
];

/// The comparison of formats on one text; the worker loads the model in each.
#[component]
pub fn QuantisationPanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    let wanted = RwSignal::new(
        FORMATS.map(|(format, ..)| matches!(format, CompareFormat::F32 | CompareFormat::F16)),
    );
    let new_tokens = RwSignal::new(8.0);
    let rows = RwSignal::new(Vec::<FormatRow>::new());
    let compare = move |_| {
        let wanted = wanted.get_untracked();
        let formats = FORMATS.iter().zip(wanted).filter(|(_, wanted)| *wanted);
        let question = Question::Compare(CompareRequest {
            prompt: Prompt::Text {
                text: state.settings.prompt.get_untracked(),
            },
            max_new_tokens: new_tokens.get_untracked() as u32,
            formats: formats.map(|((format, ..), _)| *format).collect(),
        });
        rows.set(Vec::new());
        inquiry.answered.set(None);
        inquiry.ask_with(question, move |part| {
            if let AnswerPart::Compared(row) = part {
                rows.update(|rows| rows.push(row));
            }
        });
    };
    let shown = memo(move |_| {
        let whole = inquiry
            .answered
            .with(|answered| match &answered.as_deref()?.answer {
                Answer::Compare(report) => Some(report.formats.clone()),
                _ => None,
            });
        whole.unwrap_or_else(|| rows.get())
    });
    let too_few = move || wanted.with(|it| it.iter().filter(|it| **it).count() < 2);
    let choice = move |(index, (_, name, meaning)): (usize, Format)| {
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="compare-format"
                    data-format=name
                    disabled=index == 0
                    prop:checked=move || wanted.with(|it| it[index])
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        wanted.update(|it| it[index] = on);
                    }
                />
                <span><b>{name}</b> " " {meaning()}</span>
            </label>
        }
    };
    view! {
        <section class="panel compare" aria-labelledby="compare-heading"
            data-testid="quantisation-panel">
            <h2 id="compare-heading">{t("compare-heading")}</h2>
            <p class="hint">{t("compare-note")}</p>
            <div class="compare-formats" role="group" aria-label=t("model-format")>
                {FORMATS.into_iter().enumerate().map(choice).collect_view()}
            </div>
            <NumberSlider id="compare-tokens" label=t("race-tokens") value=new_tokens
                min=2.0 max=64.0 step=1.0 />
            <div class="button-row">
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="compare"
                    disabled=move || {
                        state.phase.get() != Phase::Ready || inquiry.pending() || too_few()
                    }
                    on:click=compare
                >
                    {t("compare-ask")}
                </button>
                <Show when=move || state.loaded.with(Option::is_none)>
                    <span class="hint">{t("needs-model")}</span>
                </Show>
            </div>
            <AnswerStatus inquiry what=t("compare-asking") />
        </section>
        <Show when=move || shown.with(|it| !it.is_empty())>
            <table::Rows rows=shown />
            <table::Chart rows=shown />
        </Show>
    }
}
