use leptos::prelude::*;
use vitrine_protocol::{Answer, ProjectionTimes, Question, TilingTime, TuneRequest};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::state::State;

/// Approximate time limit for each kind of pass when it is measured again, in seconds.
const BUDGET_S: f64 = 2.0;

/// The tilings of each projection on this GPU, as measured at first use or now.
#[component]
pub fn Tuning(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || {
        (state.phase.get() == Phase::Ready).then_some(Question::Tune { again: None })
    });
    let measure = move |_| {
        let again = Some(TuneRequest {
            prompts: true,
            budget_s: BUDGET_S,
        });
        inquiry.ask(Question::Tune { again });
    };
    let rows = move || {
        inquiry
            .answered
            .with(|answered| match &answered.as_deref()?.answer {
                Answer::Tune(report) if !report.kinds.is_empty() => {
                    Some(report.kinds.iter().map(row).collect_view())
                }
                _ => None,
            })
    };
    let table = move || match rows() {
        Some(rows) => view! {
            <div class="timings-scroll" tabindex="0" role="group" aria-labelledby="tuning-heading">
                <NumberTable
                    testid="tuning-table"
                    heads=vec![
                        word(t("tuning-matrix")),
                        word(t("tuning-cut")),
                        number(t("timings-ms")),
                        number(t("tuning-usual")),
                        word(t("tuning-second")),
                        number(t("timings-ms")),
                    ]
                    rows=rows
                />
            </div>
        }
        .into_any(),
        None => view! { <p class="hint">{t("tuning-none")}</p> }.into_any(),
    };
    view! {
        <section class="panel timings" aria-labelledby="tuning-heading" data-testid="tuning-panel">
            <h3 id="tuning-heading">{t("tuning-heading")}</h3>
            <p class="hint">{t("tuning-note")}</p>
            {table}
            <div class="button-row">
                <button
                    type="button"
                    class="button"
                    data-testid="tune"
                    disabled=move || state.phase.get() != Phase::Ready || inquiry.pending()
                    on:click=measure
                >
                    {t("tuning-again")}
                </button>
            </div>
            <AnswerStatus inquiry what=t("bench-asking") />
        </section>
    }
}

/// The tiling of a projection, and the fastest of the others.
fn row(kind: &ProjectionTimes) -> impl IntoView + use<> {
    let ms = |cut: &TilingTime| format!("{:.3}", 1e3 * cut.seconds);
    let (best, others): (Vec<&TilingTime>, _) =
        kind.cuts.iter().partition(|it| it.cut == kind.best);
    let best = best.first().copied();
    let second = others
        .into_iter()
        .min_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let against_usual = best
        .zip(kind.cuts.first())
        .map(|(best, usual)| format!("{:.2} ×", usual.seconds / best.seconds));
    view! {
        <tr data-testid="tuning-row" data-kind=kind.kind.clone() data-tokens=kind.tokens.to_string()
            data-seconds=best.map(|it| it.seconds.to_string())>
            <th scope="row" class="word">{kind.kind.clone()}</th>
            <td class="word">{kind.best.clone()}</td>
            <td>{best.map(ms)}</td>
            <td>{against_usual}</td>
            <td class="word">{second.map(|it| it.cut.clone())}</td>
            <td>{second.map(ms)}</td>
        </tr>
    }
}
