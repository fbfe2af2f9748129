use leptos::prelude::*;

use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::attention::look::Look;
use crate::panels::attention::maps::Maps;
use crate::reactive::memo;
use crate::state::State;
use crate::visible;

/// Height of the arcs, and of the tokens with their probabilities below.
const ARCS: f64 = 150.0;
const WORDS: f64 = 78.0;
/// Maximum number of arcs per direction, and minimum probability of an arc.
const MOST: usize = 40;
const LEAST: f64 = 0.005;

/// An arc between the selected token and another.
#[derive(Clone, Copy)]
struct Arc {
    other: u32,
    share: f64,
    /// Whether it starts at the selected token.
    out: bool,
}

/// Arcs from the selected token to the tokens that it attends to, and from the tokens that attend to it.
#[component]
pub fn Arcs(state: State, layer: Inquiry, look: Look) -> impl IntoView {
    let selection = state.selection;
    let selected = state.strip.selected;
    let maps = memo(move |_| Maps::of(layer));
    let title = move || {
        maps.with(|maps| {
            let Some(maps) = maps else {
                return String::new();
            };
            let at = maps.position(selected.get());
            let token = maps.labels().get(at as usize).cloned().unwrap_or_default();
            t!(
                "attention-arcs",
                token = token,
                position = at,
                layer = selection.layer.get(),
                head = selection.head.get()
            )
        })
    };
    let arcs = move || {
        maps.with(|maps| {
            let maps = maps.as_ref()?;
            let at = maps.position(selected.get());
            let head = selection.head.get().min(maps.heads.saturating_sub(1));
            Some((at, arcs(maps, head, at, look.hide_first.get())))
        })
    };
    let table = move || {
        let (at, arcs) = arcs().unwrap_or_default();
        let words = maps.with(|it| it.as_ref().map(Maps::labels).unwrap_or_default());
        let row = |arc: Arc| {
            let (from, to) = if arc.out {
                (at, arc.other)
            } else {
                (arc.other, at)
            };
            view! {
                <tr>
                    <td>{from}</td>
                    <td>{to}</td>
                    <td class="word">{words.get(arc.other as usize).cloned()}</td>
                    <td>{arc.share}</td>
                </tr>
            }
        };
        view! {
            <NumberTable
                heads=vec![
                    number(t("attention-query")),
                    number(t("attention-key")),
                    word(t("column-token")),
                    number(t("column-probability")),
                ]
                rows=arcs.into_iter().map(row).collect_view()
            />
        }
    };
    view! {
        <Show when=move || maps.with(Option::is_some)>
            <Figure
                testid="attention-arcs"
                title=Signal::derive(title)
                note=Signal::stored(t("attention-arcs-note").to_owned())
                table
            >
                {move || {
                    let words = maps.with(|it| it.as_ref().map(Maps::labels).unwrap_or_default());
                    let (at, arcs) = arcs().unwrap_or_default();
                    let pitch = (800.0 / words.len().max(1) as f64).clamp(64.0, 110.0);
                    let width = pitch * words.len() as f64;
                    view! {
                        <svg
                            class="graphic graphic-sized"
                            role="img"
                            tabindex="0"
                            aria-label=title
                            width=width.max(300.0)
                            height=ARCS + WORDS
                            viewBox=format!("0 0 {} {}", width.max(300.0), ARCS + WORDS)
                            data-testid="attention-arcs-drawn"
                            data-position=at.to_string()
                        >
                            {arcs
                                .iter()
                                .map(|arc| curve(*arc, at, pitch, look))
                                .collect_view()}
                            {(0_u32..)
                                .zip(words)
                                .map(|(index, word)| {
                                    let share = |out| {
                                        arcs.iter()
                                            .find(|arc| arc.other == index && arc.out == out)
                                            .map(|arc| arc.share)
                                    };
                                    let place = Place {
                                        x: (f64::from(index) + 0.5) * pitch,
                                        pitch,
                                        is_selected: index == at,
                                    };
                                    let select = move || selected.set(Some(index));
                                    token(word, place, share(true), share(false), select)
                                })
                                .collect_view()}
                        </svg>
                    }
                }}
            </Figure>
        </Show>
    }
}

/// The strongest arcs of each direction.
fn arcs(maps: &Maps, head: u32, at: u32, hide_first: bool) -> Vec<Arc> {
    let hidden = |key: u32| hide_first && key == 0 && at != 0;
    let out = (0..=at).filter(|&key| !hidden(key)).map(|key| Arc {
        other: key,
        share: maps.at(head, at, key),
        out: true,
    });
    let into = (at + 1..maps.positions).map(|query| Arc {
        other: query,
        share: maps.at(head, query, at),
        out: false,
    });
    let strongest = |arcs: &mut dyn Iterator<Item = Arc>| {
        let mut arcs: Vec<Arc> = arcs.filter(|arc| arc.share >= LEAST).collect();
        arcs.sort_by(|a, b| b.share.total_cmp(&a.share));
        arcs.truncate(MOST);
        arcs
    };
    let mut all = strongest(&mut { out });
    all.extend(strongest(&mut { into }));
    all
}

fn curve(arc: Arc, at: u32, pitch: f64, look: Look) -> impl IntoView + use<> {
    let x = |index: u32| (f64::from(index) + 0.5) * pitch;
    let (from, to) = (x(at), x(arc.other));
    let path = if arc.other == at {
        let (left, right, top) = (from - 12.0, from + 12.0, ARCS - 34.0);
        format!("M {from} {ARCS} C {left} {top} {right} {top} {from} {ARCS}")
    } else {
        let distance = f64::from(arc.other.abs_diff(at));
        // A quadratic Bézier curve reaches half the height of its control point.
        let height = (36.0 + 14.0 * distance).min(ARCS - 10.0) * 2.0;
        let middle = f64::midpoint(from, to);
        format!("M {from} {ARCS} Q {middle} {} {to} {ARCS}", ARCS - height)
    };
    let shade = look.shade(arc.share);
    view! {
        <path
            class=if arc.out { "arc arc-out" } else { "arc arc-in" }
            data-testid="attention-arc"
            data-other=arc.other.to_string()
            data-direction=if arc.out { "out" } else { "in" }
            data-probability=arc.share.to_string()
            stroke-width=0.75 + 7.0 * shade
            stroke-opacity=0.35 + 0.65 * shade
            d=path
        />
    }
}

#[derive(Clone, Copy)]
struct Place {
    x: f64,
    pitch: f64,
    is_selected: bool,
}

/// A token below the arcs, with the attention from the selected token to it and from it to the selected token.
fn token(
    word: String,
    place: Place,
    out: Option<f64>,
    into: Option<f64>,
    select: impl Fn() + 'static,
) -> impl IntoView {
    let Place {
        x,
        pitch,
        is_selected,
    } = place;
    let word = visible::short(&word, (pitch / 8.5) as usize);
    let share = |share: Option<f64>, y: f64, sign: &str, class: &'static str| {
        share.map(|share| {
            let words = format!("{sign} {:.1} %", share * 100.0);
            view! { <text class=class x=x y=y text-anchor="middle">{words}</text> }
        })
    };
    let frame = is_selected.then(|| {
        view! {
            <rect
                class="arc-selected"
                x=x - pitch / 2.0 + 2.0
                y=ARCS + 4.0
                width=pitch - 4.0
                height="24"
                rx="4"
            />
        }
    });
    view! {
        <g class="arc-token" on:click=move |_| select()>
            {frame}
            <text class="word" class:chosen=is_selected x=x y=ARCS + 21.0 text-anchor="middle">
                {word}
            </text>
            {share(out, ARCS + 46.0, "→", "")}
            {share(into, ARCS + 66.0, "⇠", "soft")}
        </g>
    }
}
