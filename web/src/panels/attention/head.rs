use leptos::prelude::*;

use crate::components::figure::Figure;
use crate::components::matrix::{Cell, Matrix};
use crate::components::number_table::{NumberTable, number, word};
use crate::draw::colour::magnitude;
use crate::draw::labels;
use crate::draw::raster::Raster;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::attention::look::Look;
use crate::panels::attention::maps::Maps;
use crate::reactive::memo;
use crate::state::State;
use crate::{format, visible};

/// Space left of the cells and above them, for the tokens.
const LEFT: f64 = 120.0;
const TOP: f64 = 100.0;
/// Side of the matrix, within limits for the size of a cell.
const SIDE: f64 = 600.0;

/// The attention of one head: rows are queries, columns are keys.
#[component]
pub fn HeadZoom(
    state: State,
    layer: Inquiry,
    window: Memo<Option<u32>>,
    look: Look,
) -> impl IntoView {
    let selection = state.selection;
    let selected = state.strip.selected;
    let maps = memo(move |_| Maps::of(layer));
    let positions = memo(move |_| maps.with(|it| it.as_ref().map_or(0, |it| it.positions)));
    let head = memo(move |_| {
        let heads = maps.with(|it| it.as_ref().map_or(1, |it| it.heads));
        selection.head.get().min(heads.saturating_sub(1))
    });
    let words = memo(move |_| maps.with(|it| it.as_ref().map(Maps::labels).unwrap_or_default()));
    let query = move || maps.with(|it| it.as_ref().map_or(0, |it| it.position(selected.get())));
    // The selected key, or the one with the highest probability.
    let chosen_key = RwSignal::new(None::<u32>);
    let key = move || {
        let query = query();
        chosen_key
            .get()
            .filter(|&it| it < positions.get())
            .unwrap_or_else(|| {
                maps.with(|it| it.as_ref().map_or(0, |it| strongest(it, head.get(), query)))
            })
    };
    let side = move || (SIDE / f64::from(positions.get().max(1))).clamp(1.0, 40.0);
    let picture =
        memo(move |_| maps.with(|maps| picture(maps.as_ref()?, head.get(), window.get(), look)));
    let pointed = RwSignal::new(None);
    let value = move |(query, key): Cell| {
        maps.with(|it| it.as_ref().map_or(0.0, |it| it.at(head.get(), query, key)))
    };
    let say = move |(query, key): Cell| {
        let word =
            |index: u32| words.with(|words| words.get(index as usize).cloned().unwrap_or_default());
        if key > query {
            t!("attention-masked", query = word(query), key = word(key))
        } else if is_outside(query, key, window.get()) {
            t!(
                "attention-outside",
                query = word(query),
                key = word(key),
                window = window.get().unwrap_or_default()
            )
        } else {
            t!(
                "attention-cell",
                query = word(query),
                query_position = query,
                key = word(key),
                key_position = key,
                probability = format::percent(value((query, key)))
            )
        }
    };
    let title = move || {
        t!(
            "attention-head",
            layer = selection.layer.get(),
            head = head.get()
        )
    };
    let note = move || {
        let rule = match window.get() {
            Some(window) => t!("attention-window", window = window),
            None => t("attention-no-window").to_owned(),
        };
        let cut = state.strip.len() > positions.get() && positions.get() != 0;
        let cut = cut.then(|| t!("attention-cut", positions = positions.get()));
        format!(
            "{} {rule} {}",
            t("attention-head-note"),
            cut.unwrap_or_default()
        )
    };
    let table = move || {
        let query = query();
        let row = |key: u32| {
            let word = words.with(|it| it.get(key as usize).cloned());
            view! {
                <tr>
                    <td>{query}</td>
                    <td>{key}</td>
                    <td class="word">{word}</td>
                    <td>{value((query, key))}</td>
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
                rows=(0..=query).map(row).collect_view()
            />
        }
    };
    let shown = move || pointed.get().unwrap_or_else(|| (query(), key()));
    view! {
        <Show when=move || maps.with(Option::is_some)>
            <Figure
                testid="attention-head"
                title=Signal::derive(title)
                note=Signal::derive(note)
                table
            >
                {move || {
                    let count = positions.get();
                    let side = side();
                    let extent = f64::from(count) * side;
                    let (width, height) = (LEFT + extent + 60.0, TOP + extent + 46.0);
                    view! {
                        <svg
                            class="graphic graphic-sized"
                            width=width.max(LEFT + 300.0)
                            height=height
                            viewBox=format!("0 0 {} {height}", width.max(LEFT + 300.0))
                        >
                            <defs>
                                <pattern
                                    id="attention-hatch"
                                    width="6"
                                    height="6"
                                    patternUnits="userSpaceOnUse"
                                    patternTransform="rotate(45)"
                                >
                                    <rect class="hatch-line" width="1" height="6" />
                                </pattern>
                            </defs>
                            <text class="soft" x="0" y="14">{t("attention-axes-head")}</text>
                            <g transform=format!("translate({LEFT} {TOP})")>
                                <g class="token-words" aria-hidden="true">
                                    {move || labels::rows(
                                        &short_words(&words.get()),
                                        side,
                                        Some(query()),
                                    )}
                                    {move || labels::columns(
                                        &short_words(&words.get()),
                                        side,
                                        Some(key()),
                                        true,
                                    )}
                                </g>
                                <Matrix
                                    testid="attention-cells"
                                    label=Signal::derive(title)
                                    size=Signal::derive(move || (positions.get(), positions.get()))
                                    cell=Signal::derive(move || (side, side))
                                    picture
                                    selected=Signal::derive(move || Some((query(), key())))
                                    pointed
                                    spoken=Callback::new(say)
                                    on_choose=Callback::new(move |(query, key): Cell| {
                                        selected.set(Some(query));
                                        chosen_key.set(Some(key));
                                    })
                                >
                                    {move || hatched(count, side, window.get())}
                                </Matrix>
                            </g>
                            <g
                                aria-hidden="true"
                                transform=format!("translate({LEFT} {})", TOP + extent + 12.0)
                            >
                                {move || look.legend()}
                            </g>
                        </svg>
                    }
                }}
            </Figure>
            <p
                class="readout note"
                data-testid="attention-cell"
                data-query=move || shown().0.to_string()
                data-key=move || shown().1.to_string()
                data-probability=move || value(shown()).to_string()
            >
                {move || say(shown())}
            </p>
        </Show>
    }
}

/// Labels that fit next to a matrix.
fn short_words(words: &[String]) -> Vec<String> {
    words.iter().map(|word| visible::short(word, 13)).collect()
}

/// The key with the highest probability for a query.
fn strongest(maps: &Maps, head: u32, query: u32) -> u32 {
    let by_share =
        |&a: &u32, &b: &u32| f64::total_cmp(&maps.at(head, query, a), &maps.at(head, query, b));
    (0..=query).max_by(by_share).unwrap_or(0)
}

/// Whether a key is before a query's sliding window.
fn is_outside(query: u32, key: u32, window: Option<u32>) -> bool {
    window.is_some_and(|window| key + window <= query)
}

fn picture(maps: &Maps, head: u32, window: Option<u32>, look: Look) -> Option<String> {
    let hide_first = look.hide_first.get() && maps.positions > 1;
    let mut raster = Raster::new(maps.positions, maps.positions);
    for query in 0..maps.positions {
        for key in 0..=query {
            let is_hidden = hide_first && key == 0;
            if !is_hidden && !is_outside(query, key, window) {
                let shade = look.shade(maps.at(head, query, key));
                raster.paint(key, query, magnitude(shade));
            }
        }
    }
    raster.url()
}

/// Masked cells: later tokens, and those before the window.
fn hatched(count: u32, side: f64, window: Option<u32>) -> impl IntoView {
    let at = |index: u32| f64::from(index) * side;
    let end = at(count);
    let mut path = format!("M {side} 0 ");
    for row in 1..count {
        path.push_str(&format!("V {} H {} ", at(row), at(row + 1)));
    }
    path.push_str(&format!("H {end} V 0 Z"));
    let before = window.filter(|&window| window < count).map(|window| {
        let mut path = format!("M 0 {} ", at(window));
        for row in window..count {
            path.push_str(&format!("H {} V {} ", at(row + 1 - window), at(row + 1)));
        }
        path.push_str("H 0 Z");
        view! { <path class="hatch" fill="url(#attention-hatch)" d=path /> }
    });
    view! {
        <path class="hatch" fill="url(#attention-hatch)" d=path />
        {before}
    }
}

#[cfg(test)]
mod tests {
    use super::is_outside;

    #[test]
    fn a_window_counts_the_token_itself() {
        assert!(!is_outside(4, 3, Some(2)));
        assert!(is_outside(4, 2, Some(2)));
        assert!(!is_outside(400, 0, None));
    }
}
