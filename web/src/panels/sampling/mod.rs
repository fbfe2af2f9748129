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
use crate::components::number_slider::NumberSlider;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::state::State;
use logits::Position;

/// All that the columns show: the logits of a position, and what the settings make of them.
#[derive(Clone)]
pub struct Sampled {
    position: Position,
    pipeline: Arc<Pipeline>,
}

/// From the logits of a position to the token that is drawn. The logits are asked for once; the
/// settings then work on them here, by the same code as in the worker and on the command line.
#[component]
pub fn SamplingPanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || logits::question(state));
    let position = Memo::new(move |_| {
        inquiry
            .answered
            .with(|answered| logits::position(state, answered.as_deref()?))
    });
    let params = Memo::new(move |_| state.settings.sampling.params());
    let sampled = Signal::derive(move || {
        let position = position.get()?;
        let params = params.get();
        // A number that is being typed may have no meaning yet.
        params.check().ok()?;
        let pipeline = Pipeline::new(&position.logits, &position.counts, &params);
        Some(Sampled {
            position,
            pipeline: Arc::new(pipeline),
        })
    });
    let wrong = Memo::new(move |_| params.with(|it| it.check().err().map(|it| it.to_string())));
    let why = Memo::new(move |_| logits::why_none(state));
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

/// The settings that are also those of the next run.
#[component]
fn Settings(state: State) -> impl IntoView {
    let settings = state.settings.sampling;
    let greedy = Signal::derive(move || !settings.do_sample.get());
    view! {
        <div class="sampling-settings">
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="stage-do-sample"
                    prop:checked=move || settings.do_sample.get()
                    on:change=move |event| settings.do_sample.set(event_target_checked(&event))
                />
                <span>{t("settings-do-sample")}</span>
            </label>
            <NumberSlider id="stage-temperature" label=t("settings-temperature")
                value=settings.temperature min=0.0 max=3.0 step=0.05 disabled=greedy />
            <NumberSlider id="stage-top-k" label=t("settings-top-k") value=settings.top_k
                min=0.0 max=200.0 step=1.0 hint=t("settings-top-k-hint") disabled=greedy />
            <NumberSlider id="stage-top-p" label=t("settings-top-p") value=settings.top_p
                min=0.0 max=1.0 step=0.01 disabled=greedy />
            <NumberSlider id="stage-min-p" label=t("settings-min-p") value=settings.min_p
                min=0.0 max=1.0 step=0.01 disabled=greedy />
            <NumberSlider id="stage-seed" label=t("settings-seed") value=settings.seed
                min=0.0 max=1_000_000.0 step=1.0 disabled=greedy />
            <Show when=move || greedy.get()>
                <p class="hint">{t("sampling-greedy")}</p>
            </Show>
        </div>
    }
}
