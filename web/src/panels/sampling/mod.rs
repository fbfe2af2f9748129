mod columns;
mod counted;
mod draw_line;
mod logits;
mod many;

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_sampling::Pipeline;

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::draw_settings::DrawSettings;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::reactive::memo;
use crate::state::State;
use logits::Position;

/// The content of the columns: the logits of a position, and the effect of the settings.
#[derive(Clone)]
pub struct Sampled {
    position: Position,
    pipeline: Arc<Pipeline>,
}

/// From the logits of a position to the drawn token. The logits are requested once; the settings are applied here, by
/// the same code as in the worker and on the command line.
#[component]
pub fn SamplingPanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || logits::question(state));
    let position = memo(move |_| {
        inquiry
            .answered
            .with(|answered| logits::position(state, answered.as_deref()?))
    });
    let params = memo(move |_| state.settings.sampling.params());
    let sampled = Signal::derive(move || {
        let position = position.get()?;
        let params = params.get();
        // A number that is being typed may be invalid.
        params.check().ok()?;
        let pipeline = Pipeline::new(&position.logits, &position.counts, &params);
        Some(Sampled {
            position,
            pipeline: Arc::new(pipeline),
        })
    });
    let wrong = memo(move |_| params.with(|it| it.check().err().map(|it| it.to_string())));
    let why = memo(move |_| logits::why_none(state));
    view! {
        <section class="panel sampling" aria-labelledby="sampling-heading" data-testid="sampling-panel">
            <h2 id="sampling-heading">{t("sampling-heading")}</h2>
            <p class="hint">{t("sampling-note")}</p>
            <Settings state />
            {move || wrong.get().map(|message| view! { <p class="hint-wrong">{message}</p> })}
            {move || why.get().map(|sentence| view! { <p class="hint">{sentence}</p> })}
            <AnswerStatus inquiry what=t("sampling-asking") />
        </section>
        {move || sampled.get().map(|it| {
            let many = it.clone();
            let line = it.clone();
            view! {
                <columns::Columns sampled=it />
                <draw_line::DrawLine sampled=line />
                <many::Many sampled=many />
            }
        })}
    }
}

/// The sampling settings, which also apply to the next run.
#[component]
fn Settings(state: State) -> impl IntoView {
    let settings = state.settings.sampling;
    let is_greedy = move || !settings.do_sample.get();
    view! {
        <div class="sampling-settings">
            <DrawSettings state prefix="stage-" />
            <Show when=is_greedy>
                <p class="hint">{t("sampling-greedy")}</p>
            </Show>
        </div>
    }
}
