mod keys;

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, MouseEvent};

use crate::draw::colour;
use crate::draw::raster::Raster;
use crate::i18n::t;

/// Room for the names of rows and columns.
const LEFT: f64 = 44.0;
const TOP: f64 = 74.0;
/// Room for the scale.
const BOTTOM: f64 = 34.0;

/// Magnitudes by row and column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heat {
    /// Rows.
    pub rows: u32,
    /// What the columns are called, for the eye.
    pub columns: Vec<String>,
    /// (rows, columns); not a number where nothing is known.
    pub values: Vec<f32>,
    /// Whether colours follow the logarithm; all values are above 0 then.
    pub log: bool,
}

impl Heat {
    fn width(&self) -> u32 {
        self.columns.len() as u32
    }

    /// The value of a cell, if it is known.
    pub fn at(&self, row: u32, column: u32) -> Option<f32> {
        if column >= self.width() {
            return None;
        }
        let at = row as usize * self.columns.len() + column as usize;
        self.values.get(at).copied().filter(|value| !value.is_nan())
    }

    fn range(&self) -> (f32, f32) {
        let known = self.values.iter().filter(|value| !value.is_nan());
        known.fold((f32::MAX, f32::MIN), |(low, high), value| {
            (low.min(*value), high.max(*value))
        })
    }

    /// The picture's address.
    fn picture(&self) -> Option<String> {
        let (low, high) = self.range();
        let height = |value: f32| {
            let value = f64::from(value);
            if self.log {
                value.max(1e-9).ln()
            } else {
                value
            }
        };
        let span = (height(high) - height(low)).max(f64::MIN_POSITIVE);
        let mut raster = Raster::new(self.width(), self.rows);
        for row in 0..self.rows {
            for column in 0..self.width() {
                if let Some(value) = self.at(row, column) {
                    let share = (height(value) - height(low)) / span;
                    raster.paint(column, row, colour::magnitude(share));
                }
            }
        }
        raster.url()
    }

    /// Width and height of a cell.
    fn cell(&self) -> (f64, f64) {
        let side = |room: f64, count: u32, least: f64, most: f64| {
            (room / f64::from(count.max(1))).clamp(least, most)
        };
        (
            side(720.0, self.width(), 8.0, 32.0),
            side(420.0, self.rows, 8.0, 22.0),
        )
    }
}

/// A matrix of magnitudes, as a picture. Arrow keys, Home, End, Page Up and Page Down move the cell
/// that is selected, and a sentence below tells its number.
#[component]
pub fn HeatMap(
    testid: &'static str,
    /// What it is, for a screen reader.
    label: &'static str,
    /// What rows are, and what columns are.
    axes: (&'static str, &'static str),
    #[prop(into)] heat: Signal<Arc<Heat>>,
    /// Row and column that are selected.
    #[prop(into)]
    at: Signal<(u32, u32)>,
    /// Selects a row and a column.
    #[prop(into)]
    select: Callback<(u32, u32)>,
    /// A sentence about a cell, with its number.
    #[prop(into)]
    about: Callback<(u32, u32), String>,
) -> impl IntoView {
    let picture = Memo::new(move |_| heat.with(|heat| heat.picture()));
    let within = move || {
        heat.with(|heat| {
            let (row, column) = at.get();
            let last = |count: u32| count.saturating_sub(1);
            (row.min(last(heat.rows)), column.min(last(heat.width())))
        })
    };
    let place = move || {
        let (row, column) = within();
        let (width, height) = heat.with(|heat| heat.cell());
        (
            LEFT + f64::from(column) * width,
            TOP + f64::from(row) * height,
            width,
            height,
        )
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = event.target().and_then(|it| it.dyn_into::<Element>().ok()) else {
            return;
        };
        let area = target.get_bounding_client_rect();
        let share_x = (f64::from(event.client_x()) - area.left()) / area.width().max(1.0);
        let share_y = (f64::from(event.client_y()) - area.top()) / area.height().max(1.0);
        let (rows, columns) = heat.with_untracked(|heat| (heat.rows, heat.width()));
        let cell = |share: f64, count: u32| {
            ((share * f64::from(count)).max(0.0) as u32).min(count.saturating_sub(1))
        };
        select.run((cell(share_y, rows), cell(share_x, columns)));
    };
    let on_key = move |event: KeyboardEvent| {
        let size = heat.with_untracked(|heat| (heat.rows, heat.width()));
        if let Some(cell) = keys::change(&event.key(), untrack(within), size) {
            event.prevent_default();
            select.run(cell);
        }
    };
    let value = move || {
        let (row, column) = within();
        heat.with(|heat| heat.at(row, column))
    };
    view! {
        <div class="heat">
            {move || {
                let (rows, columns, (width, height), (low, high), log) = heat.with(|heat| {
                    (heat.rows, heat.columns.clone(), heat.cell(), heat.range(), heat.log)
                });
                let across = f64::from(columns.len() as u32) * width;
                let down = f64::from(rows) * height;
                let full = (LEFT + across + 40.0).max(480.0);
                let tall = TOP + down + BOTTOM;
                view! {
                    <svg
                        class="graphic heat-graphic"
                        width=full
                        height=tall
                        viewBox=format!("0 0 {full} {tall}")
                    >
                        {columns
                            .iter()
                            .enumerate()
                            .filter(|(index, _)| width >= 13.0 || index % 2 == 0)
                            .map(|(index, name)| {
                                let x = LEFT + (index as f64 + 0.5) * width + 4.0;
                                let y = TOP - 5.0;
                                view! {
                                    <text class="heat-column" x=x y=y
                                        transform=format!("rotate(-55 {x} {y})")>
                                        {name.clone()}
                                    </text>
                                }
                            })
                            .collect_view()}
                        {(0..rows)
                            .filter(|row| height >= 12.0 || row % 2 == 0)
                            .map(|row| view! {
                                <text class="soft" x=LEFT - 6.0 text-anchor="end"
                                    y=TOP + (f64::from(row) + 0.5) * height + 4.0>
                                    {row}
                                </text>
                            })
                            .collect_view()}
                        <text class="soft" x=LEFT - 6.0 y=TOP - 6.0 text-anchor="end">
                            {axes.0}
                        </text>
                        <image
                            href=move || picture.get()
                            x=LEFT y=TOP width=across height=down
                            preserveAspectRatio="none"
                        ></image>
                        <rect class="heat-hit" x=LEFT y=TOP width=across height=down
                            data-testid="heat-hit"
                            on:click=on_click></rect>
                        <Scale x=LEFT y=TOP + down + 10.0 low high log />
                        <g role="grid" aria-label=label aria-rowcount=rows.to_string()
                            aria-colcount=columns.len().to_string()>
                            <g role="row" aria-rowindex=move || (within().0 + 1).to_string()>
                                <rect
                                    class="heat-cell"
                                    role="gridcell"
                                    tabindex="0"
                                    data-testid=testid
                                    data-row=move || within().0.to_string()
                                    data-column=move || within().1.to_string()
                                    data-value=move || value().map(|value| value.to_string())
                                    aria-colindex=move || (within().1 + 1).to_string()
                                    aria-selected="true"
                                    aria-label=move || about.run(within())
                                    x=move || place().0
                                    y=move || place().1
                                    width=move || place().2
                                    height=move || place().3
                                    on:keydown=on_key
                                ></rect>
                            </g>
                        </g>
                    </svg>
                }
            }}
        </div>
        <p class="heat-about" aria-live="polite">
            <span class="heat-axes">{format!("{} × {}", axes.0, axes.1)}</span>
            {move || about.run(within())}
        </p>
    }
}

/// Which colour is how much.
#[component]
fn Scale(x: f64, y: f64, low: f32, high: f32, log: bool) -> impl IntoView {
    let mut raster = Raster::new(64, 1);
    for step in 0..64 {
        raster.paint(step, 0, colour::magnitude(f64::from(step) / 63.0));
    }
    (low <= high).then(|| {
        view! {
            <text class="soft" x=x y=y + 11.0>{format!("{low:.2}")}</text>
            <image href=raster.url() x=x + 60.0 y=y width=160.0 height=14.0
                preserveAspectRatio="none"></image>
            <text class="soft" x=x + 228.0 y=y + 11.0>
                {format!("{high:.2}")}
                {log.then(|| format!(" ({})", t("scale-log")))}
            </text>
        }
    })
}
