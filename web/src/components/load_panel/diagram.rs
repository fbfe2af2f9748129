use std::fmt::Write;

use leptos::prelude::*;
use vitrine_protocol::LoadPhase;

use super::parts::{self, Column, HEIGHT, Part, TensorBox};
use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::reactive::memo;
use crate::state::State;
use crate::{format, strings};

/// Space above the columns for the legend, and below for their labels.
const TOP: f64 = 28.0;
const BOTTOM: f64 = 20.0;
/// Minimum width of a layer's number.
const LABEL: f64 = 24.0;
/// Width of the labels of the outer columns.
const WORD: f64 = 64.0;

/// A loading model: its tensors, each filled with its loaded bytes.
#[component]
pub fn Diagram(state: State) -> impl IntoView {
    let layout = memo(move |_| state.tensors.with(|it| parts::columns(it)));
    let on_gpu = memo(move |_| {
        let phase = state.progress.with(|it| it.as_ref().map(|it| it.phase));
        matches!(phase, Some(LoadPhase::Upload | LoadPhase::Compile))
    });
    // Loaded bytes of each tensor, column by column.
    let here = memo(move |_| {
        layout.with(|(columns, _)| {
            state.progress.with(|progress| {
                let arrived = progress.as_ref().map_or(&[][..], |it| &it.arrived);
                columns
                    .iter()
                    .map(|column| {
                        let boxes = column.boxes.iter();
                        boxes.map(|it| it.place.arrived(arrived)).collect()
                    })
                    .collect::<Vec<Vec<u64>>>()
            })
        })
    });
    // All boxes as one path; `share` gives the filled fraction of each box's width.
    let path = move |share: &dyn Fn(usize, usize, &TensorBox) -> f64| {
        let mut path = String::new();
        layout.with(|(columns, _)| {
            for (at, column) in columns.iter().enumerate() {
                for (index, tensor) in column.boxes.iter().enumerate() {
                    let width = column.width * share(at, index, tensor).min(1.0);
                    if width > 0.0 {
                        // Writing to a string cannot fail.
                        let _ = write!(
                            path,
                            "M{:.2} {:.2}h{width:.2}v{:.2}h-{width:.2}z",
                            column.x,
                            TOP + tensor.y,
                            tensor.height
                        );
                    }
                }
            }
        });
        path
    };
    let filled = move || {
        here.with(|here| {
            path(&|at, index, tensor: &TensorBox| {
                let bytes = here.get(at).and_then(|it| it.get(index));
                bytes.map_or(0.0, |bytes| {
                    *bytes as f64 / tensor.place.bytes.max(1) as f64
                })
            })
        })
    };
    let counts = memo(move |_| {
        let mut counts = Counts::default();
        layout.with(|(columns, _)| {
            here.with(|here| {
                for (column, here) in columns.iter().zip(here) {
                    for (tensor, here) in column.boxes.iter().zip(here) {
                        counts.tensors += 1;
                        counts.whole += u64::from(*here == tensor.place.bytes);
                        counts.bytes += tensor.place.bytes;
                        counts.here += here;
                    }
                }
            });
        });
        counts
    });
    let labels = move || {
        layout.with(|(columns, width)| {
            let label = |it: &Column| label(it, *width);
            columns.iter().filter_map(label).collect_view()
        })
    };
    let size = move || {
        let width = layout.with(|it| it.1);
        format!("0 0 {width:.0} {:.0}", TOP + HEIGHT + BOTTOM)
    };
    let legend = move || {
        let mut entries = vec![("load-absent", t("load-diagram-absent"))];
        entries.push(("load-browser", t("load-diagram-browser")));
        if on_gpu.get() {
            entries.push(("load-gpu", t("load-diagram-gpu")));
        }
        let entry = |(at, (class, words)): (usize, (&'static str, &'static str))| {
            let x = 190.0 * at as f64;
            view! {
                <rect class=class x=x y="4" width="14" height="14" />
                <text x=x + 20.0 y="15">{words}</text>
            }
        };
        entries.into_iter().enumerate().map(entry).collect_view()
    };
    let table = move || {
        let rows = layout.with(|(columns, _)| {
            here.with(|here| {
                let row = |(column, here): (&Column, &Vec<u64>)| {
                    view! {
                        <tr>
                            <th scope="row" class="word">{name(column.part)}</th>
                            <td>{column.boxes.len()}</td>
                            <td>{format::count(column.bytes())}</td>
                            <td>{format::count(here.iter().sum())}</td>
                        </tr>
                    }
                };
                columns.iter().zip(here).map(row).collect_view()
            })
        });
        let heads = vec![
            word(t("load-column-part")),
            number(t("load-column-tensors")),
            number(t("load-column-bytes")),
            number(t("load-column-here")),
        ];
        view! { <NumberTable heads rows /> }
    };
    let spoken = move || counts.with(|it| strings::tensors_here(it.whole, it.tensors));
    let of = move |value: fn(&Counts) -> u64| move || counts.with(value).to_string();
    view! {
        <Figure
            testid="load-diagram"
            title=Signal::stored(t("load-diagram-title").to_owned())
            note=Signal::stored(t("load-diagram-note").to_owned())
            table
        >
            <svg class="graphic load-graphic" viewBox=size role="img" tabindex="0" aria-label=spoken>
                {legend}
                <path class="load-absent" d=move || path(&|_, _, _| 1.0) />
                <Show when=move || on_gpu.get()>
                    <path class="load-browser" d=move || path(&|_, _, _| 1.0) />
                </Show>
                <path
                    class=move || if on_gpu.get() { "load-gpu" } else { "load-browser" }
                    d=filled
                />
                <path class="load-edges" d=move || path(&|_, _, _| 1.0) />
                {labels}
            </svg>
        </Figure>
        <p
            class="readout note"
            data-testid="tensors-here"
            data-tensors=of(|it| it.tensors)
            data-whole=of(|it| it.whole)
            data-bytes=of(|it| it.bytes)
            data-here=of(|it| it.here)
        >
            {spoken}
        </p>
    }
}

/// Sums over all tensors.
#[derive(Clone, Default, PartialEq)]
struct Counts {
    tensors: u64,
    whole: u64,
    bytes: u64,
    here: u64,
}

fn name(part: Part) -> String {
    match part {
        Part::Embedding => t("load-part-embedding").to_owned(),
        Part::Layer(layer) => strings::load_layer(layer),
        Part::Output => t("load-part-output").to_owned(),
    }
}

/// The label of a column in a diagram of this width; empty for layers without space.
fn label(column: &Column, width: f64) -> Option<impl IntoView + use<>> {
    let (text, x, anchor) = match column.part {
        Part::Embedding => (name(column.part), column.x, "start"),
        Part::Output => (name(column.part), column.x + column.width, "end"),
        Part::Layer(layer) => {
            let every = (LABEL / column.width).ceil().max(1.0) as u32;
            let middle = column.x + column.width / 2.0;
            let room = WORD..width - WORD;
            if !layer.is_multiple_of(every) || !room.contains(&middle) {
                return None;
            }
            (layer.to_string(), middle, "middle")
        }
    };
    let y = TOP + HEIGHT + 14.0;
    Some(view! { <text class="soft" x=x y=y text-anchor=anchor>{text}</text> })
}
