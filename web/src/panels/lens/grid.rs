use leptos::prelude::*;

use crate::components::figure::Figure;
use crate::components::matrix::{Cell, Matrix};
use crate::components::number_table::{NumberTable, number, word};
use crate::draw::colour::{hex, ink_on, magnitude};
use crate::draw::labels;
use crate::draw::legend::legend;
use crate::draw::raster::Raster;
use crate::i18n::t;
use crate::panels::lens::cells::{Lens, candidate_words};
use crate::reactive::memo;
use crate::state::State;
use crate::{format, visible};

const LEFT: f64 = 56.0;
const TOP: f64 = 96.0;
const WIDTH: f64 = 68.0;
const HEIGHT: f64 = 22.0;
/// Positions shown at a time, so that texts remain readable.
const COLUMNS: u32 = 10;

/// Map over layers and positions: the most probable token of each cell. Lighter: the final prediction is more probable.
#[component]
pub fn LensGrid(state: State, lens: Memo<Option<Lens>>) -> impl IntoView {
    let selected = state.strip.selected;
    let layer = state.selection.layer;
    let of = move |read: fn(&Lens) -> u32| lens.with(|it| it.as_ref().map_or(0, read));
    let rows = memo(move |_| of(Lens::rows));
    let positions = memo(move |_| of(Lens::positions));
    let position =
        memo(move |_| lens.with(|it| it.as_ref().map_or(0, |it| it.position(selected.get()))));
    // The shown positions scroll only when the selection leaves them.
    let first = memo(move |before: Option<&u32>| {
        let last_first = positions.get().saturating_sub(COLUMNS);
        let before = before.copied().unwrap_or(last_first).min(last_first);
        let position = position.get();
        if position < before {
            position
        } else if position >= before + COLUMNS {
            position + 1 - COLUMNS
        } else {
            before
        }
    });
    let columns = move || positions.get().min(COLUMNS);
    let picture = memo(move |_| {
        lens.with(|lens| {
            let lens = lens.as_ref()?;
            let mut raster = Raster::new(columns(), rows.get());
            for row in 0..rows.get() {
                for column in 0..columns() {
                    let cell = lens.cell(row, first.get() + column)?;
                    raster.paint(column, row, magnitude(cell.answer.probability));
                }
            }
            raster.url()
        })
    });
    let pointed = RwSignal::new(None);
    let here = move || {
        (
            layer.get().min(rows.get().saturating_sub(1)),
            position.get() - first.get(),
        )
    };
    let row_name = move |row: u32| {
        if row + 1 == rows.get() {
            t("lens-output").to_owned()
        } else {
            t!("lens-before", layer = row)
        }
    };
    let say = move |(row, column): Cell| {
        let position = first.get() + column;
        lens.with(|lens| {
            let lens = lens.as_ref()?;
            let cell = lens.cell(row, position)?;
            let top: Vec<String> = cell
                .top
                .iter()
                .take(5)
                .map(|it| {
                    format!(
                        "{} {}",
                        candidate_words(it),
                        format::percent(it.probability)
                    )
                })
                .collect();
            Some(t!(
                "lens-cell",
                row = row_name(row),
                token = lens.token(position),
                position = position,
                top = top.join(" · "),
                answer = lens.answer(position),
                probability = format::percent(cell.answer.probability),
                rank = cell.answer.rank
            ))
        })
        .unwrap_or_default()
    };
    let shown = move || pointed.get().unwrap_or_else(here);
    let of_shown = move |read: fn(&Lens, u32, u32) -> Option<String>| {
        move || {
            let (row, column) = shown();
            lens.with(|it| {
                it.as_ref()
                    .and_then(|it| read(it, row, first.get() + column))
            })
        }
    };
    let title = move || t("lens-title").to_owned();
    let table = move || {
        let position = position.get();
        let row = move |row: u32| {
            lens.with(|lens| {
                let cell = lens.as_ref()?.cell(row, position)?;
                let top = cell.top.first()?;
                Some(view! {
                    <tr>
                        <th scope="row">{row_name(row)}</th>
                        <td>{position}</td>
                        <td class="word">{candidate_words(top)}</td>
                        <td>{top.probability}</td>
                        <td>{cell.answer.probability}</td>
                        <td>{cell.answer.rank}</td>
                    </tr>
                })
            })
        };
        view! {
            <NumberTable
                heads=vec![
                    number(t("selection-layer")),
                    number(t("fact-position")),
                    word(t("lens-top")),
                    number(t("column-probability")),
                    number(t("lens-answer-probability")),
                    number(t("lens-answer-rank")),
                ]
                rows=(0..rows.get()).map(row).collect_view()
            />
        }
    };
    view! {
        <Figure
            testid="lens-grid"
            title=Signal::derive(title)
            note=Signal::stored(t("lens-note").to_owned())
            table
        >
            {move || {
                let (rows, columns) = (rows.get(), columns());
                let (width, height) = (f64::from(columns) * WIDTH, f64::from(rows) * HEIGHT);
                let full = (LEFT + width + 60.0).max(LEFT + 340.0);
                view! {
                    <svg
                        class="graphic graphic-sized"
                        width=full
                        height=TOP + height + 46.0
                        viewBox=format!("0 0 {full} {}", TOP + height + 46.0)
                    >
                        <text class="soft" x="0" y="14">{t("lens-axes")}</text>
                        <g transform=format!("translate({LEFT} {TOP})")>
                            <g class="lens-words" aria-hidden="true">
                                {move || labels::rows(
                                    &row_labels(rows),
                                    HEIGHT,
                                    Some(here().0),
                                )}
                                {move || labels::columns(
                                    &column_labels(lens, first.get(), columns),
                                    WIDTH,
                                    Some(here().1),
                                    true,
                                )}
                            </g>
                            <Matrix
                                testid="lens-cells"
                                label=Signal::derive(title)
                                size=Signal::derive(move || (rows, columns))
                                cell=Signal::derive(|| (WIDTH, HEIGHT))
                                picture
                                selected=Signal::derive(move || Some(here()))
                                pointed
                                spoken=Callback::new(say)
                                on_choose=Callback::new(move |(row, column): Cell| {
                                    selected.set(Some(first.get_untracked() + column));
                                    layer.set(row.min(rows.saturating_sub(2)));
                                })
                            >
                                {move || words(lens, first.get(), rows, columns)}
                            </Matrix>
                        </g>
                        <g
                            aria-hidden="true"
                            transform=format!("translate({LEFT} {})", TOP + height + 12.0)
                        >
                            {legend(280.0, magnitude, vec![
                                (0.0, String::from("0 %")),
                                (0.5, String::from("50 %")),
                                (1.0, String::from("100 %")),
                            ])}
                        </g>
                    </svg>
                }
            }}
        </Figure>
        <p
            class="readout note"
            data-testid="lens-cell"
            data-layer=move || shown().0.to_string()
            data-position=move || (first.get() + shown().1).to_string()
            data-top=of_shown(|lens, row, at| Some(lens.cell(row, at)?.top.first()?.id.to_string()))
            data-probability=of_shown(|lens, row, at| {
                Some(lens.cell(row, at)?.answer.probability.to_string())
            })
            data-rank=of_shown(|lens, row, at| Some(lens.cell(row, at)?.answer.rank.to_string()))
        >
            {move || say(shown())}
        </p>
    }
}

fn row_labels(rows: u32) -> Vec<String> {
    let layers = (0..rows.saturating_sub(1)).map(|it| it.to_string());
    layers.chain([t("lens-output-short").to_owned()]).collect()
}

fn column_labels(lens: Memo<Option<Lens>>, first: u32, columns: u32) -> Vec<String> {
    lens.with(|lens| {
        let lens = lens.as_ref();
        (first..first + columns)
            .map(|at| visible::short(&lens.map(|it| it.token(at)).unwrap_or_default(), 12))
            .collect()
    })
}

/// The most probable tokens, and frames around those that differ from the layer before.
fn words(lens: Memo<Option<Lens>>, first: u32, rows: u32, columns: u32) -> impl IntoView {
    let mut frames = String::new();
    let mut texts = Vec::new();
    lens.with_untracked(|lens| {
        let Some(lens) = lens else { return };
        for row in 0..rows {
            for column in 0..columns {
                let position = first + column;
                let Some(cell) = lens.cell(row, position) else {
                    continue;
                };
                let Some(top) = cell.top.first() else {
                    continue;
                };
                let (x, y) = (f64::from(column) * WIDTH, f64::from(row) * HEIGHT);
                let before = row.checked_sub(1).and_then(|row| lens.cell(row, position));
                let before = before.and_then(|cell| cell.top.first());
                if before.is_some_and(|before| before.id != top.id) {
                    frames.push_str(&format!(
                        "M {} {} h {} v {} h -{} Z ",
                        x + 1.5,
                        y + 1.5,
                        WIDTH - 3.0,
                        HEIGHT - 3.0,
                        WIDTH - 3.0
                    ));
                }
                let colour = magnitude(cell.answer.probability);
                let word = visible::short(&candidate_words(top), 8);
                texts.push((x + WIDTH / 2.0, y + HEIGHT / 2.0, ink_on(colour), word));
            }
        }
    });
    let texts = texts.into_iter().map(|(x, y, ink, word)| {
        view! {
            <text
                class="word"
                x=x
                y=y
                text-anchor="middle"
                dominant-baseline="central"
                style:fill=ink
            >
                {word}
            </text>
        }
    });
    view! {
        <path class="lens-change" d=frames style:stroke=hex([255, 255, 255]) />
        {texts.collect_view()}
    }
}
