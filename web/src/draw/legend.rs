//! Colour legends, inside an `<svg>`.

use leptos::prelude::*;

use crate::draw::colour::{Rgb, hex};

const STEPS: u32 = 32;

/// A strip of all colours, `width` wide, with labels.
pub fn legend(
    width: f64,
    colour: fn(f64) -> Rgb,
    words: Vec<(f64, String)>,
) -> impl IntoView + use<> {
    let step = width / f64::from(STEPS);
    let colours: Vec<_> = (0..STEPS)
        .map(|index| {
            let at = (f64::from(index) + 0.5) / f64::from(STEPS);
            let fill = hex(colour(at));
            view! {
                <rect x=f64::from(index) * step y="0" width=step + 0.3 height="10" fill=fill />
            }
        })
        .collect();
    let words = words
        .into_iter()
        .map(|(share, word)| {
            let anchor = match share {
                share if share < 0.01 => "start",
                share if share > 0.99 => "end",
                _ => "middle",
            };
            view! { <text class="soft" x=share * width y="24" text-anchor=anchor>{word}</text> }
        })
        .collect_view();
    view! { <g class="legend-strip">{colours}{words}</g> }
}
