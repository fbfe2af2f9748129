use leptos::prelude::*;

use crate::components::choices::{Choice, Choices};
use crate::components::figure::Figure;
use crate::components::labelled_matrix::{LabelledMatrix, Layout};
use crate::components::matrix::Cell;
use crate::components::number_table::GridTable;
use crate::draw::colour::magnitude;
use crate::draw::raster::Raster;
use crate::i18n::t;
use crate::panels::traced;
use crate::reactive::memo;
use crate::state::State;

const LAYOUT: Layout = Layout {
    left: 44.0,
    top: 108.0,
    slanted: true,
    colour: magnitude,
};

/// Ids and texts of a map over layers and positions.
#[derive(Clone, Copy)]
pub struct Words {
    /// The `data-testid` of the figure.
    pub figure: &'static str,
    /// The `data-testid` of the cells, and of the sentence about one cell.
    pub cells: (&'static str, &'static str),
    /// A sentence below the title.
    pub note: &'static str,
}

/// A map of a magnitude, which is chosen among several, by layer (rows) and position (columns). Choosing a cell selects
/// its layer and position.
#[component]
pub fn LayerMap<T: Choice>(
    state: State,
    words: Words,
    #[prop(into)] title: Signal<String>,
    chosen: RwSignal<T>,
    /// The value at a layer and a position; tracks what it depends on.
    #[prop(into)]
    value: Callback<Cell, Option<f32>>,
    /// Whether colours are logarithmic; all values are positive then.
    log: bool,
    /// A sentence about a layer and a position.
    #[prop(into)]
    about: Callback<Cell, String>,
) -> impl IntoView {
    let columns = memo(move |_| traced::column_names(state));
    let layers = memo(move |_| traced::sizes(state).map_or(0, |sizes| sizes.0));
    let height = move |value: f32| {
        let value = f64::from(value);
        if log { value.max(1e-9).ln() } else { value }
    };
    // By row, then by column.
    let values = memo(move |_| {
        let count = columns.with(|it| it.len() as u32);
        let cells = (0..layers.get()).flat_map(|row| (0..count).map(move |column| (row, column)));
        cells
            .map(|cell| value.run(cell))
            .collect::<Vec<Option<f32>>>()
    });
    let range = memo(move |_| {
        values.with(|values| {
            let known = values.iter().flatten();
            known.fold((f32::MAX, f32::MIN), |(low, high), value| {
                (low.min(*value), high.max(*value))
            })
        })
    });
    let picture = memo(move |_| {
        let (low, high) = range.get();
        let span = (height(high) - height(low)).max(f64::MIN_POSITIVE);
        let count = columns.with(|it| it.len() as u32);
        let mut raster = Raster::new(count, layers.get());
        values.with(|values| {
            for (index, value) in (0..).zip(values) {
                if let Some(value) = value {
                    let share = (height(*value) - height(low)) / span;
                    raster.paint(index % count, index / count, magnitude(share));
                }
            }
        });
        raster.url()
    });
    let scale = move || {
        let (low, high) = range.get();
        if low > high {
            return Vec::new();
        }
        let mut words = vec![(0.0, format!("{low:.2}")), (1.0, format!("{high:.2}"))];
        if log {
            words.push((0.5, t("scale-log").to_owned()));
        }
        words
    };
    let cell = move || {
        let side = |room: f64, count: u32, least: f64, most: f64| {
            (room / f64::from(count.max(1))).clamp(least, most)
        };
        let count = columns.with(|it| it.len() as u32);
        (
            side(720.0, count, 8.0, 32.0),
            side(420.0, layers.get(), 8.0, 22.0),
        )
    };
    let here = move || {
        let last = layers.get().saturating_sub(1);
        (
            state.selection.layer.get().min(last),
            traced::position(state),
        )
    };
    let pointed = RwSignal::new(None);
    let shown = move || pointed.get().unwrap_or_else(here);
    let at = move |(row, column): Cell| {
        let count = columns.with(Vec::len);
        let index = row as usize * count + column as usize;
        values.with(|values| values.get(index).copied().flatten())
    };
    let choose = move |(layer, position): Cell| {
        state.selection.layer.set(layer);
        state.strip.selected.set(Some(position));
    };
    let table = move || {
        let cell = move |row, column| at((row, column)).map(|it| format!("{it:.3}"));
        view! {
            <GridTable corner=t("residual-layer") columns=columns.get() rows=layers.get() cell />
        }
    };
    let numbers = move || {
        (0..layers.get())
            .map(|it| it.to_string())
            .collect::<Vec<_>>()
    };
    view! {
        <Figure testid=words.figure title note=Signal::stored(words.note.to_owned()) table>
            <Choices label=t("residual-parts") chosen />
            <LabelledMatrix
                testid=words.cells.0
                layout=LAYOUT
                label=title
                axes=t("layer-map-axes")
                rows=Signal::derive(numbers)
                columns
                cell=Signal::derive(cell)
                picture
                scale=Signal::derive(scale)
                selected=Signal::derive(move || Some(here()))
                pointed
                spoken=about
                on_choose=Callback::new(choose)
            />
        </Figure>
        <p
            class="readout note"
            data-testid=words.cells.1
            data-row=move || shown().0.to_string()
            data-column=move || shown().1.to_string()
            data-value=move || at(shown()).map(|value| value.to_string())
        >
            {move || about.run(shown())}
        </p>
    }
}
