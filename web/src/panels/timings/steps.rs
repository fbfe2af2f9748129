use leptos::prelude::*;

use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::panels::traced;
use crate::reactive::memo;
use crate::state::State;

const HEIGHT: f64 = 180.0;
const LEFT: f64 = 76.0;
const TOP: f64 = 10.0;

/// Seconds of each new token, by position: since the previous token, or since the request.
fn times(state: State) -> Vec<(u32, f64)> {
    state.strip.tokens.with(|tokens| {
        let mut before = 0.0;
        let mut times = Vec::new();
        for (position, token) in (0..).zip(tokens) {
            match token.elapsed_s {
                // The time of a fork or a step is counted from its own request.
                Some(elapsed) if elapsed < before => {
                    times.push((position, elapsed));
                    before = elapsed;
                }
                Some(elapsed) => {
                    times.push((position, elapsed - before));
                    before = elapsed;
                }
                None => before = 0.0,
            }
        }
        times
    })
}

/// A bar for each new token.
#[component]
pub fn Steps(state: State) -> impl IntoView {
    let times = memo(move |_| times(state));
    let table = move || {
        let rows = times.get().into_iter().map(|(position, seconds)| {
            view! {
                <tr>
                    <th scope="row" class="word">{traced::position_name(state, position)}</th>
                    <td>{format!("{:.2}", 1e3 * seconds)}</td>
                </tr>
            }
        });
        view! {
            <NumberTable
                heads=vec![
                    word(t("column-token")),
                    number(t("timings-ms")),
                ]
                rows=rows.collect_view()
            />
        }
        .into_any()
    };
    view! {
        <Show
            when=move || times.with(|it| !it.is_empty())
            fallback=|| view! { <p class="panel hint">{t("needs-sequence")}</p> }
        >
            <Figure
                testid="token-times"
                title=Signal::stored(t("timings-tokens").to_owned())
                note=Signal::stored(t("timings-tokens-note").to_owned())
                table
            >
                {move || drawing(state, &times.get())}
            </Figure>
        </Show>
    }
}

fn drawing(state: State, times: &[(u32, f64)]) -> impl IntoView + use<> {
    let most = times.iter().map(|it| it.1).fold(1e-9, f64::max);
    let width = (860.0 / times.len().max(1) as f64).clamp(6.0, 36.0);
    let full = LEFT + width * times.len() as f64 + 20.0;
    let full = full.max(360.0);
    let tall = TOP + HEIGHT + 28.0;
    let every = times.len().div_ceil(20).max(1);
    let bars = times
        .iter()
        .enumerate()
        .map(|(index, &(position, seconds))| {
            let height = HEIGHT * seconds / most;
            let x = LEFT + index as f64 * width;
            let name = traced::position_name(state, position);
            let chosen = move || state.strip.selected.get() == Some(position);
            view! {
                <rect
                    class="timings-bar"
                    class:timings-chosen=chosen
                    data-testid="token-time"
                    data-position=position.to_string()
                    data-seconds=seconds.to_string()
                    x=x y=TOP + HEIGHT - height width=width - 2.0 height=height
                    on:click=move |_| state.strip.selected.set(Some(position))
                >
                    <title>{format!("{name}: {:.2} ms", 1e3 * seconds)}</title>
                </rect>
                {(index % every == 0).then(|| view! {
                    <text class="soft" x=x + width / 2.0 - 1.0 y=TOP + HEIGHT + 18.0
                        text-anchor="middle">
                        {position}
                    </text>
                })}
            }
        });
    let lines = [0.0, 0.5, 1.0].map(|share| {
        let y = TOP + HEIGHT * (1.0 - share);
        view! {
            <line class="gridline" x1=LEFT x2=full y1=y y2=y></line>
            <text class="soft" x=LEFT - 6.0 y=y + 4.0 text-anchor="end">
                {format!("{:.0} ms", 1e3 * most * share)}
            </text>
        }
    });
    view! {
        <svg class="graphic timings-graphic" width=full height=tall
            viewBox=format!("0 0 {full} {tall}")
            role="img" aria-label=t("timings-label")>
            {lines.into_iter().collect_view()}
            {bars.collect_view()}
        </svg>
    }
}
