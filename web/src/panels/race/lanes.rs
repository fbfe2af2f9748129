use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use vitrine_protocol::{RaceLane, RaceReport};

use super::Texts;
use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::format;
use crate::i18n::t;
use crate::reactive::memo;

/// Refresh interval of the replay clock.
const TICK: Duration = Duration::from_millis(50);

fn name(lane: usize) -> &'static str {
    if lane == 0 {
        t("race-with")
    } else {
        t("race-without")
    }
}

/// The tokens so far, while the two runs are measured one after the other.
pub fn measuring(texts: &Texts) -> impl IntoView + use<> {
    let lane = |(index, texts): (usize, &Vec<String>)| {
        (!texts.is_empty()).then(|| {
            view! {
                <div class="race-lane">
                    <span class="race-name">{name(index)}</span>
                    <span class="race-text">{texts.concat()}</span>
                </div>
            }
        })
    };
    texts.iter().enumerate().map(lane).collect_view()
}

/// Replays both runs with their measured times on one clock.
#[component]
pub fn Replay(report: Arc<RaceReport>, texts: Texts) -> impl IntoView {
    let total = |lane: &RaceLane| lane.steps.last().map_or(0.0, |it| it.total_s);
    let end = total(&report.with_cache).max(total(&report.without_cache));
    let clock = RwSignal::new(end);
    let timer = StoredValue::new(None::<IntervalHandle>);
    let stop = move || {
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    on_cleanup(stop);
    let play = move |_| {
        stop();
        clock.set(0.0);
        let tick = move || {
            let next = clock.get_untracked() + TICK.as_secs_f64();
            clock.set(next.min(end));
            if next >= end {
                stop();
            }
        };
        timer.set_value(set_interval_with_handle(tick, TICK).ok());
    };
    let lane = move |index: usize, lane: &RaceLane, texts: Vec<String>| {
        let times: Vec<f64> = lane.steps.iter().map(|it| it.total_s).collect();
        let whole = times.last().copied().unwrap_or(0.0);
        let of = times.len();
        let done = move || times.iter().filter(|it| **it <= clock.get()).count();
        let done = memo(move |_| done());
        view! {
            <div class="race-lane" data-testid="race-lane" data-total=whole.to_string()>
                <span class="race-name">{name(index)}</span>
                <progress
                    aria-label=name(index)
                    max=of.to_string()
                    value=move || done.get().to_string()
                ></progress>
                <span class="race-count">
                    {move || t!("answer-progress", done = done.get(), total = of)}
                    {format!(" · {}", format::seconds(whole))}
                </span>
                <span class="race-text">
                    {move || texts.iter().take(done.get()).cloned().collect::<String>()}
                </span>
            </div>
        }
    };
    let [with, without] = texts;
    let lanes = [
        lane(0, &report.with_cache, with),
        lane(1, &report.without_cache, without),
    ];
    view! {
        <section class="panel race" aria-labelledby="replay-heading">
            <h3 id="replay-heading">{t("race-replay")}</h3>
            <p class="hint">{t("race-replay-note")}</p>
            <div class="race-controls">
                <button type="button" class="button" data-testid="race-replay" on:click=play>
                    {t("race-play")}
                </button>
                <input
                    type="range"
                    class="slider-range"
                    aria-label=t("race-clock")
                    min="0"
                    max=end.to_string()
                    step="any"
                    prop:value=move || clock.get().to_string()
                    on:input=move |event| {
                        stop();
                        if let Ok(time) = event_target_value(&event).parse() {
                            clock.set(time);
                        }
                    }
                />
                <span class="race-clock">{move || format!("{:.2} s", clock.get())}</span>
            </div>
            {lanes.into_iter().collect_view()}
        </section>
    }
}

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 76.0;
const TOP: f64 = 12.0;

/// Milliseconds of each step.
#[component]
pub fn Chart(report: Arc<RaceReport>) -> impl IntoView {
    let rows = Arc::clone(&report);
    let table = move || {
        let lanes = [&rows.with_cache, &rows.without_cache];
        let body = lanes.into_iter().enumerate().flat_map(|(index, lane)| {
            lane.steps.iter().enumerate().map(move |(step, it)| {
                view! {
                    <tr data-testid="race-step" data-lane=index.to_string()
                        data-seconds=it.seconds.to_string() data-flops=it.flops.to_string()>
                        <th scope="row" class="word">{name(index)}</th>
                        <td>{step + 1}</td>
                        <td>{it.tokens}</td>
                        <td>{format!("{:.2}", 1e3 * it.seconds)}</td>
                        <td>{format!("{:.2}", 1e3 * it.total_s)}</td>
                        <td>{format!("{:.3}", it.flops as f64 / 1e9)}</td>
                        <td>{format::bytes(it.cache_bytes)}</td>
                    </tr>
                }
            })
        });
        view! {
            <NumberTable
                testid="race-table"
                heads=vec![
                    word(t("race-lane")),
                    number(t("race-step")),
                    number(t("race-read")),
                    number(t("timings-ms")),
                    number(t("race-total")),
                    number(t("race-flops")),
                    number(t("race-kept")),
                ]
                rows=body.collect_view()
            />
        }
        .into_any()
    };
    view! {
        <Figure
            testid="race-chart"
            title=Signal::stored(t("race-chart").to_owned())
            note=Signal::stored(t("race-chart-note").to_owned())
            table
        >
            {drawing(&report)}
        </Figure>
    }
}

fn drawing(report: &RaceReport) -> impl IntoView + use<> {
    let lanes = [&report.with_cache, &report.without_cache];
    let steps = lanes.iter().map(|it| it.steps.len()).max().unwrap_or(0);
    let all = lanes.iter().flat_map(|it| &it.steps);
    let most = all.map(|it| it.seconds).fold(1e-9, f64::max);
    let x = move |step: usize| LEFT + WIDTH * (step as f64 + 0.5) / steps.max(1) as f64;
    let y = move |seconds: f64| TOP + HEIGHT * (1.0 - seconds / most);
    let gridlines = [0.0, 0.5, 1.0].map(|share| {
        let y = y(most * share);
        view! {
            <line class="gridline" x1=LEFT x2=LEFT + WIDTH y1=y y2=y></line>
            <text class="soft" x=LEFT - 8.0 y=y + 4.0 text-anchor="end">
                {format!("{:.0} ms", 1e3 * most * share)}
            </text>
        }
    });
    let ticks = (0..steps).step_by(steps.div_ceil(16).max(1)).map(|step| {
        view! {
            <text class="soft" x=x(step) y=TOP + HEIGHT + 20.0 text-anchor="middle">{step + 1}</text>
        }
    });
    let lines = lanes.iter().enumerate().map(|(index, lane)| {
        let points: Vec<(f64, f64)> = lane
            .steps
            .iter()
            .enumerate()
            .map(|(step, it)| (x(step), y(it.seconds)))
            .collect();
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let mark = move |(x, y): (f64, f64)| match index {
            0 => view! { <circle cx=x cy=y r="4"></circle> }.into_any(),
            _ => view! { <rect x=x - 4.0 y=y - 4.0 width="8" height="8"></rect> }.into_any(),
        };
        let (legend_x, legend_y) = (LEFT + index as f64 * 280.0, TOP + HEIGHT + 44.0);
        view! {
            <g class=if index == 0 { "race-line race-line-with" } else { "race-line" }>
                <polyline points=path.join(" ") />
                {points.into_iter().map(mark).collect_view()}
                <polyline points=format!("{legend_x},{legend_y} {},{legend_y}", legend_x + 32.0) />
                {mark((legend_x + 16.0, legend_y))}
                <text x=legend_x + 40.0 y=legend_y + 4.0>{name(index)}</text>
            </g>
        }
    });
    let (full, tall) = (LEFT + WIDTH + 12.0, TOP + HEIGHT + 58.0);
    view! {
        <svg class="graphic race-graphic" width=full height=tall
            viewBox=format!("0 0 {full} {tall}")
            role="img" aria-label=t("race-chart-label")>
            {gridlines.into_iter().collect_view()}
            {ticks.collect_view()}
            {lines.collect_view()}
        </svg>
    }
}
