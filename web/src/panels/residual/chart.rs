use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, MouseEvent};

use super::stream::{Part, Stream};
use crate::components::choices::Choice;
use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number};
use crate::i18n::t;
use crate::panels::traced;
use crate::reactive::memo;
use crate::state::State;

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 12.0;

/// Chart by layer, at the selected position: norms of the stream and of what is added to it.
#[component]
pub fn Chart(state: State, stream: Memo<Arc<Stream>>) -> impl IntoView {
    let series = memo(move |_| {
        let layers = traced::sizes(state).map_or(0, |sizes| sizes.0);
        let position = traced::position(state);
        stream.with(|stream| {
            // The newest token was not processed yet; it was chosen at the position before.
            let known = |position| stream.at(Part::Norm, 0, position).is_some();
            let position = if known(position) {
                position
            } else {
                position.saturating_sub(1)
            };
            let lines = [Part::Norm, Part::Attention, Part::Mlp].map(|part| {
                let values = (0..layers).map(|layer| stream.at(part, layer, position));
                values.collect::<Vec<Option<f32>>>()
            });
            (position, lines)
        })
    });
    let title = Signal::derive(move || {
        let position = series.with(|it| it.0);
        t!(
            "residual-chart",
            position = traced::position_name(state, position)
        )
    });
    let table = move || {
        let (_, lines) = series.get();
        let parts = Part::ALL.iter().map(|part| number(part.name()));
        let heads = std::iter::once(number(t("residual-layer"))).chain(parts);
        let rows = (0..lines[0].len()).map(|layer| {
            let cells = lines
                .iter()
                .map(|line| view! { <td>{line[layer].map(|it| format!("{it:.4}"))}</td> })
                .collect_view();
            view! {
                <tr>
                    <th scope="row">{layer}</th>
                    {cells}
                </tr>
            }
        });
        view! {
            <NumberTable
                testid="residual-table"
                heads=heads.collect()
                rows=rows.collect_view()
            />
        }
        .into_any()
    };
    view! {
        <Figure
            testid="residual-chart"
            title
            note=Signal::stored(t("residual-chart-note").to_owned())
            table
        >
            {move || drawing(state, &series.get().1)}
        </Figure>
    }
}

fn drawing(state: State, lines: &[Vec<Option<f32>>; 3]) -> impl IntoView + use<> {
    let layers = lines[0].len();
    let known = lines.iter().flatten().flatten().filter(|it| **it > 0.0);
    let (low, high) = known.fold((f32::MAX, f32::MIN), |(low, high), it| {
        (low.min(*it), high.max(*it))
    });
    if low > high {
        return view! { <p class="hint">{t("residual-nothing")}</p> }.into_any();
    }
    let (low, high) = (
        f64::from(low).log10().floor(),
        f64::from(high)
            .log10()
            .ceil()
            .max(f64::from(low).log10().floor() + 1.0),
    );
    let step = WIDTH / (layers.max(2) - 1) as f64;
    let x = move |layer: usize| LEFT + layer as f64 * step;
    let y = move |value: f64| TOP + HEIGHT * (1.0 - (value.max(1e-9).log10() - low) / (high - low));
    let gridlines = (low as i32..=high as i32).map(|power| {
        let y = y(10f64.powi(power));
        view! {
            <line class="gridline" x1=LEFT x2=LEFT + WIDTH y1=y y2=y></line>
            <text class="soft" x=LEFT - 8.0 y=y + 4.0 text-anchor="end">
                {format!("{}", 10f64.powi(power))}
            </text>
        }
    });
    let every = layers.div_ceil(16).max(1);
    let ticks = (0..layers).step_by(every).map(|layer| {
        view! {
            <text class="soft" x=x(layer) y=TOP + HEIGHT + 20.0 text-anchor="middle">{layer}</text>
        }
    });
    let drawn =
        lines
            .iter()
            .zip(Part::ALL.iter().copied())
            .enumerate()
            .map(|(index, (line, part))| {
                let points: Vec<(f64, f64)> = line
                    .iter()
                    .enumerate()
                    .filter_map(|(layer, value)| Some((x(layer), y(f64::from((*value)?)))))
                    .collect();
                let path: Vec<String> = points
                    .iter()
                    .map(|(x, y)| format!("{x:.1},{y:.1}"))
                    .collect();
                let marks = points.iter().map(|&(x, y)| mark(part, x, y)).collect_view();
                let (legend_x, legend_y) = (LEFT + index as f64 * 250.0, TOP + HEIGHT + 46.0);
                (!points.is_empty()).then(|| {
                    view! {
                        <g class=class(part)>
                            <polyline points=path.join(" ") />
                            {marks}
                            <line x1=legend_x x2=legend_x + 32.0 y1=legend_y y2=legend_y></line>
                            {mark(part, legend_x + 16.0, legend_y)}
                            <text x=legend_x + 40.0 y=legend_y + 4.0>{part.name()}</text>
                        </g>
                    }
                })
            });
    let at = move || {
        x(state
            .selection
            .layer
            .get()
            .min(layers.saturating_sub(1) as u32) as usize)
    };
    let on_click = move |event: MouseEvent| {
        let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
        let Some(area) = target.map(|it| it.get_bounding_client_rect()) else {
            return;
        };
        let share = (f64::from(event.client_x()) - area.left()) / area.width().max(1.0);
        let layer = (share * (layers.max(2) - 1) as f64).round().max(0.0) as u32;
        state.selection.layer.set(layer.min(layers as u32 - 1));
    };
    let (full, tall) = (LEFT + WIDTH + 16.0, TOP + HEIGHT + 60.0);
    view! {
        <svg class="graphic residual-chart" width=full height=tall
            viewBox=format!("0 0 {full} {tall}") role="img" aria-label=t("residual-chart-label")>
            {gridlines.collect_view()}
            <line class="residual-at" x1=at x2=at y1=TOP y2=TOP + HEIGHT></line>
            {ticks.collect_view()}
            <text class="soft" x=LEFT - 8.0 y=TOP + HEIGHT + 20.0 text-anchor="end">
                {t("residual-layer")}
            </text>
            {drawn.collect_view()}
            <rect class="residual-hit" x=LEFT y=TOP width=WIDTH height=HEIGHT on:click=on_click></rect>
        </svg>
    }
    .into_any()
}

fn class(part: Part) -> &'static str {
    match part {
        Part::Norm => "residual-line residual-line-norm",
        Part::Attention => "residual-line residual-line-attention",
        Part::Mlp => "residual-line residual-line-mlp",
    }
}

/// The mark of a point; its shape identifies the line without colour.
fn mark(part: Part, x: f64, y: f64) -> impl IntoView {
    let path = match part {
        Part::Norm => format!("M{} {y} a3.5 3.5 0 1 0 7 0 a3.5 3.5 0 1 0 -7 0", x - 3.5),
        Part::Attention => format!("M{} {} h6.5 v6.5 h-6.5 Z", x - 3.25, y - 3.25),
        Part::Mlp => format!("M{} {} h8 l-4 -7.5 Z", x - 4.0, y + 3.5),
    };
    view! { <path class="residual-mark" d=path /> }
}
