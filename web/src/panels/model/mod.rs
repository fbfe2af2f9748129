mod attention;
mod calculator;
pub mod kv_cache;
mod report;
mod tree;

use leptos::prelude::*;
use vitrine_protocol::{Answer, Answered, ModelReport, Question};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::reactive::memo;
use crate::state::State;

/// The model's structure, and that of any other model from its config.json.
#[component]
pub fn ModelPanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || {
        let loaded = state.loaded.with(Option::is_some);
        loaded.then_some(Question::Inspect { context: None })
    });
    let loaded = memo(move |_| state.loaded.with(Option::is_some));
    view! {
        <section class="panel model-panel" aria-labelledby="model-heading" data-testid="model-panel">
            <h2 id="model-heading">{t("model-heading")}</h2>
            <Show
                when=move || loaded.get()
                fallback=|| view! { <p class="hint">{t("model-none")}</p> }
            >
                <AnswerStatus inquiry what=t("model-asking") />
                {move || inquiry.answered.with(|answered| {
                    answered.as_deref().and_then(report_of)
                }).map(|it| view! { <report::Report state report=it testid="model-report" /> })}
            </Show>
        </section>
        <calculator::Calculator state bridge />
    }
}

/// The report in an answer.
fn report_of(answered: &Answered) -> Option<ModelReport> {
    match &answered.answer {
        Answer::Inspect(report) => Some(report.as_ref().clone()),
        _ => None,
    }
}
