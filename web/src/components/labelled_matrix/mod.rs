use leptos::prelude::*;

use crate::components::matrix::{Cell, Matrix};
use crate::draw::colour::Rgb;
use crate::draw::labels;
use crate::draw::legend::legend;
use crate::reactive::memo;

/// Width of the legend's colour strip.
const LEGEND: f64 = 280.0;

/// The layout of a [`LabelledMatrix`].
#[derive(Clone, Copy)]
pub struct Layout {
    /// Units left of the cells, for the row labels.
    pub left: f64,
    /// Units above the cells, for the column labels.
    pub top: f64,
    /// Whether the column labels are long and slanted.
    pub slanted: bool,
    /// The colour of a value from 0 to 1 on the scale.
    pub colour: fn(f64) -> Rgb,
}

/// A matrix as a graphic with row and column labels and a colour legend.
#[component]
pub fn LabelledMatrix(
    testid: &'static str,
    layout: Layout,
    /// Its description for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// The meaning of rows and columns.
    axes: &'static str,
    #[prop(into)] rows: Signal<Vec<String>>,
    #[prop(into)] columns: Signal<Vec<String>>,
    /// Width and height of a cell.
    #[prop(into)]
    cell: Signal<(f64, f64)>,
    /// Data URL of an image of all cells.
    #[prop(into)]
    picture: Signal<Option<String>>,
    /// Labels of the legend, by position between 0 and 1.
    #[prop(into)]
    scale: Signal<Vec<(f64, String)>>,
    #[prop(into)] selected: Signal<Option<Cell>>,
    pointed: RwSignal<Option<Cell>>,
    spoken: Callback<Cell, String>,
    on_choose: Callback<Cell>,
) -> impl IntoView {
    let Layout {
        left,
        top,
        slanted,
        colour,
    } = layout;
    let size = memo(move |_| {
        (
            rows.with(|it| it.len() as u32),
            columns.with(|it| it.len() as u32),
        )
    });
    let extent = memo(move |_| {
        let ((rows, columns), (width, height)) = (size.get(), cell.get());
        (f64::from(columns) * width, f64::from(rows) * height)
    });
    move || {
        let (width, height) = extent.get();
        // Slanted labels extend past the last column.
        let beyond = if slanted { 90.0 } else { 8.0 };
        let full = left + width.max(LEGEND + 40.0) + beyond;
        let tall = top + height + 48.0;
        view! {
            <svg
                class="graphic graphic-sized"
                width=full
                height=tall
                viewBox=format!("0 0 {full} {tall}")
            >
                <text class="soft" x="0" y="14">{axes}</text>
                <g transform=format!("translate({left} {top})")>
                    <g class="token-words" aria-hidden="true">
                        {move || labels::rows(&rows.get(), cell.get().1, None)}
                        {move || labels::columns(&columns.get(), cell.get().0, None, slanted)}
                    </g>
                    <rect class="matrix-edge" width=width height=height />
                    <Matrix testid label size cell picture selected pointed spoken on_choose />
                </g>
                <g transform=format!("translate({left} {})", top + height + 14.0)>
                    {move || legend(LEGEND, colour, scale.get())}
                </g>
            </svg>
        }
    }
}
