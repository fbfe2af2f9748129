use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{
    Answer, AnswerPart, BenchReport, BenchRequest, PassProfile, Question, Rate, Speed,
};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::number_table::{NumberTable, number, word};
use crate::draw::export;
use crate::format;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::state::State;

/// Benchmarks this GPU on request.
#[component]
pub fn Bench(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    let now = RwSignal::new(String::new());
    let measure = move |_| {
        now.set(String::new());
        let request = BenchRequest {
            prefill: vec![32, 128],
            contexts: vec![32, 256],
            new_tokens: 16,
            batches: vec![4],
            packets: true,
            no_kv_cache: false,
            runs: BenchRequest::RUNS,
            budget_s: 10.0,
        };
        inquiry.ask_with(Question::Bench(request), move |part| {
            if let AnswerPart::Measuring { what } = part {
                now.set(what);
            }
        });
    };
    let report = move || {
        inquiry
            .answered
            .with(|answered| match &answered.as_deref()?.answer {
                Answer::Bench(report) => Some(Arc::new(report.as_ref().clone())),
                _ => None,
            })
    };
    view! {
        <section class="panel timings" aria-labelledby="bench-heading" data-testid="bench-panel">
            <h3 id="bench-heading">{t("bench-heading")}</h3>
            <p class="hint">{t("bench-note")}</p>
            <div class="button-row">
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="bench"
                    disabled=move || state.phase.get() != Phase::Ready || inquiry.pending()
                    on:click=measure
                >
                    {t("bench-ask")}
                </button>
                <Show when=move || inquiry.pending()>
                    <span class="hint">{move || now.get()}</span>
                </Show>
            </div>
            <AnswerStatus inquiry what=t("bench-asking") />
            {move || report().map(|report| view! { <Measured report /> })}
        </section>
    }
}

/// What was measured.
#[component]
fn Measured(report: Arc<BenchReport>) -> impl IntoView {
    let save = {
        let report = Arc::clone(&report);
        move |_| {
            if let Ok(text) = serde_json::to_string_pretty(report.as_ref()) {
                export::save_text(&text, "application/json", "vitrine-bench.json");
            }
        }
    };
    let rate = |what: &'static str, it: &Rate| {
        view! {
            <tr data-testid="bench-row" data-what=what data-context=it.context.to_string()
                data-rate=it.speed.tokens_per_s.to_string()
                data-outside=it.outside_gpu.map(|it| it.to_string())>
                <th scope="row" class="word">{what}</th>
                <td>{it.context}</td>
                <td>{it.speed.tokens}</td>
                <td>{format!("{:.1}", 1e3 * it.speed.seconds)}</td>
                <td>{told(&it.speed)}</td>
                <td>{it.bytes_per_token.map(format::bytes)}</td>
                <td>{it.bandwidth_share.map(|it| format!("{:.0} %", 100.0 * it))}</td>
                <td>{it.outside_gpu.map(|it| format!("{:.1} %", 100.0 * it))}</td>
            </tr>
        }
    };
    let prefill = report
        .prefill
        .iter()
        .map(|it| rate(t("speed-prefill"), it))
        .collect_view();
    let decode = report
        .decode
        .iter()
        .map(|it| rate(t("speed-decode"), it))
        .collect_view();
    let batch = report
        .batch
        .iter()
        .map(|it| {
            view! {
                <tr>
                    <th scope="row" class="word">{t!("bench-batch", count = it.sequences)}</th>
                    <td>{it.context}</td>
                    <td>{it.speed.tokens}</td>
                    <td>{format!("{:.1}", 1e3 * it.speed.seconds)}</td>
                    <td>{told(&it.speed)}</td>
                    <td></td>
                    <td></td>
                    <td></td>
                </tr>
            }
        })
        .collect_view();
    let packets = report
        .packets
        .iter()
        .map(|it| {
            view! {
                <tr>
                    <th scope="row" class="word">{it.parts.clone()}</th>
                    <td>{format!("{:.2}", 1e3 * it.seconds_per_token)}</td>
                    <td>{format!("{:.3} ×", it.ratio)}</td>
                </tr>
            }
        })
        .collect_view();
    let profiles = report.profiles.iter().map(profile).collect_view();
    let left_out = report.left_out.join("; ");
    view! {
        <p>
            {t!(
                "bench-on",
                adapter = report.adapter.name.clone(),
                copy = format!("{}/s", format::bytes(report.copy_bytes_per_s as u64)),
                runs = report.dispatches_per_token
            )}
            " "
            {report.first_token_s.zip(report.prefill.first()).map(|(time, prompt)| {
                t!("bench-first", tokens = prompt.speed.tokens, time = format::seconds(time))
            })}
            " "
            {t!("bench-memory", most = format::bytes(report.peak_buffer_bytes))}
        </p>
        <div class="timings-scroll" tabindex="0" role="group" aria-labelledby="bench-heading">
            <NumberTable
                testid="bench-table"
                heads=vec![
                    word(t("bench-what")),
                    number(t("bench-context")),
                    number(t("view-tokens")),
                    number(t("timings-ms")),
                    number(t("speed-unit")),
                    number(t("bench-bytes")),
                    number(t("bench-bandwidth")),
                    number(t("bench-outside")),
                ]
                rows=(prefill, decode, batch)
            />
        </div>
        {(!report.packets.is_empty()).then(|| view! {
            <h4>{t("bench-packets")}</h4>
            <NumberTable
                class="timings-narrow"
                heads=vec![
                    word(t("bench-parts")),
                    number(t("timings-ms")),
                    number(t("bench-ratio")),
                ]
                rows=packets
            />
        })}
        {if report.profiles.is_empty() {
            view! { <p class="hint">{t("bench-no-timestamps")}</p> }.into_any()
        } else {
            profiles.into_any()
        }}
        {(!left_out.is_empty()).then(|| view! {
            <p class="hint">{t!("bench-left-out", what = left_out.clone())}</p>
        })}
        <div class="button-row">
            <button type="button" class="button" data-testid="bench-save" on:click=save>
                {t("bench-save")}
            </button>
        </div>
    }
}

/// Tokens per second of the median run, with the slowest and the fastest in brackets.
fn told(speed: &Speed) -> String {
    let rate = format::rate(speed.tokens_per_s);
    match speed.range() {
        Some(range) => {
            let [slowest, fastest] = range.map(format::rate);
            // A line may break only before the bracket.
            format!("{rate} ({slowest}\u{2060}–\u{2060}{fastest})")
        }
        None => rate,
    }
}

/// The profile of a pass.
fn profile(profile: &PassProfile) -> impl IntoView + use<> {
    let all: f64 = profile.kernels.iter().map(|it| it.seconds).sum();
    let rows = profile
        .kernels
        .iter()
        .map(|it| {
            let share = 100.0 * it.seconds / all.max(1e-12);
            view! {
                <tr>
                    <td class="word">{it.stage.clone()}</td>
                    <th scope="row" class="word">{it.name.clone()}</th>
                    <td class="word">{it.kernel.clone()}</td>
                    <td>{it.dispatches}</td>
                    <td>{format!("{:.3}", 1e3 * it.seconds)}</td>
                    <td class="timings-share">
                        <span style:inline-size=format!("{share:.2}%")></span>
                        {format!("{share:.1} %")}
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <h4>
            {t!(
                "bench-profile",
                tokens = profile.tokens,
                context = profile.context,
                ms = format!("{:.2}", 1e3 * profile.seconds)
            )}
        </h4>
        <div class="timings-scroll" tabindex="0" role="group" aria-label=t("bench-kernels")>
            <NumberTable
                heads=vec![
                    word(t("bench-stage")),
                    word(t("bench-what")),
                    word(t("bench-kernel")),
                    number(t("bench-runs")),
                    number(t("timings-ms")),
                    number(t("model-share")),
                ]
                rows=rows
            />
        </div>
    }
}
