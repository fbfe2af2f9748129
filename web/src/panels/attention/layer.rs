use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::draw::colour::magnitude;
use crate::draw::raster::Raster;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::attention::look::Look;
use crate::panels::attention::maps::Maps;
use crate::reactive::memo;
use crate::state::State;

/// Width of a row of tiles, in units of the graphic.
const WIDTH: f64 = 800.0;
/// Gap between tiles.
const GAP: f64 = 14.0;
/// Space above a tile for its name, and above that for the bracket.
const NAME: f64 = 20.0;
const BRACKET: f64 = 24.0;
/// Maximum cells per side of a tile.
const SIDE: u32 = 96;

/// The layout of the tiles.
#[derive(Clone, Copy, PartialEq)]
struct Tiles {
    heads: u32,
    group: u32,
    per_row: u32,
    side: f64,
}

impl Tiles {
    fn new(heads: u32, kv_heads: u32) -> Self {
        let group = (heads / kv_heads.max(1)).max(1);
        let per_row = if heads <= 10 {
            heads.max(1)
        } else if group <= 8 {
            8 / group * group
        } else {
            8
        };
        Self {
            heads,
            group,
            per_row,
            side: (WIDTH / f64::from(per_row) - GAP).min(140.0),
        }
    }

    fn corner(self, head: u32) -> (f64, f64) {
        let (row, column) = (head / self.per_row, head % self.per_row);
        let height = BRACKET + NAME + self.side + GAP;
        (
            f64::from(column) * (self.side + GAP) + GAP / 2.0,
            f64::from(row) * height + BRACKET + NAME,
        )
    }

    fn size(self) -> (f64, f64) {
        let columns = self.per_row.min(self.heads.max(1));
        let (_, last) = self.corner(self.heads.saturating_sub(1));
        (
            f64::from(columns) * (self.side + GAP),
            last + self.side + 6.0,
        )
    }
}

/// The heads of the selected layer side by side, with brackets around those that share keys and values.
#[component]
pub fn LayerZoom(state: State, layer: Inquiry, look: Look) -> impl IntoView {
    let selection = state.selection;
    let maps = memo(move |_| Maps::of(layer));
    let tiles = memo(move |_| {
        let heads = maps.with(|maps| maps.as_ref().map_or(0, |maps| maps.heads));
        let kv_heads = state.loaded.with(|loaded| {
            loaded
                .as_ref()
                .map_or(1, |loaded| loaded.model.num_key_value_heads)
        });
        Tiles::new(heads, kv_heads)
    });
    let title = move || t!("attention-layer", layer = selection.layer.get());
    let note = move || {
        let Tiles { heads, group, .. } = tiles.get();
        if group == 1 {
            t!("attention-layer-mha", heads = heads)
        } else {
            t!(
                "attention-layer-gqa",
                heads = heads,
                kv_heads = heads / group,
                group = group
            )
        }
    };
    let table = move || {
        let row = |head: u32| {
            let shares = maps.with(|maps| {
                let maps = maps.as_ref()?;
                let query = maps.position(state.strip.selected.get());
                let best = (0..=query).max_by(|&a, &b| {
                    f64::total_cmp(&maps.at(head, query, a), &maps.at(head, query, b))
                })?;
                let word = maps.labels().get(best as usize).cloned();
                Some((query, best, word, maps.at(head, query, best)))
            });
            let (query, best, word, share) = shares?;
            Some(view! {
                <tr>
                    <td>{head}</td>
                    <td>{head / tiles.get().group}</td>
                    <td>{query}</td>
                    <td>{best}</td>
                    <td class="word">{word}</td>
                    <td>{share}</td>
                </tr>
            })
        };
        view! {
            <NumberTable
                heads=vec![
                    number(t("selection-head")),
                    number(t("attention-kv-head")),
                    number(t("attention-query")),
                    number(t("fact-strongest")),
                    word(t("column-token")),
                    number(t("column-probability")),
                ]
                rows=(0..tiles.get().heads).map(row).collect_view()
            />
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let Tiles { heads, per_row, .. } = tiles.get_untracked();
        let head = selection.head.get_untracked();
        let last = heads.saturating_sub(1);
        let to = match event.key().as_str() {
            "ArrowLeft" => head.saturating_sub(1),
            "ArrowRight" => (head + 1).min(last),
            "ArrowUp" => head.checked_sub(per_row).unwrap_or(head),
            "ArrowDown" if head + per_row <= last => head + per_row,
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        selection.head.set(to);
    };
    let tile = move |head: u32| {
        let Tiles { side, .. } = tiles.get_untracked();
        let (x, y) = tiles.get_untracked().corner(head);
        let picture = memo(move |_| maps.with(|maps| picture(maps.as_ref()?, head, look)));
        let here = move || selection.head.get() == head;
        view! {
            <g
                role="option"
                id=format!("attention-tile-{head}")
                class="attention-tile"
                class:selected=here
                data-testid="attention-tile"
                data-head=head.to_string()
                aria-selected=move || here().to_string()
                aria-label=move || t!(
                    "attention-head-name",
                    layer = selection.layer.get(),
                    head = head
                )
                transform=format!("translate({x} {y})")
                on:click=move |_| selection.head.set(head)
            >
                <text aria-hidden="true" class:chosen=here x="0" y="-6">
                    {t!("attention-tile-name", head = head)}
                </text>
                <image
                    aria-hidden="true"
                    width=side
                    height=side
                    preserveAspectRatio="none"
                    href=move || picture.get()
                />
                <rect class="attention-frame" width=side height=side />
            </g>
        }
    };
    view! {
        <Show when=move || maps.with(Option::is_some)>
            <Figure
                testid="attention-layer"
                title=Signal::derive(title)
                note=Signal::derive(note)
                table
            >
                {move || {
                    let tiles = tiles.get();
                    let (width, height) = tiles.size();
                    view! {
                        <svg
                            class="graphic graphic-sized"
                            width=width
                            height=height
                            viewBox=format!("0 0 {width} {height}")
                        >
                            <g aria-hidden="true">{brackets(tiles)}</g>
                            <g
                                role="listbox"
                                tabindex="0"
                                class="attention-tiles"
                                data-testid="attention-tiles"
                                aria-label=title
                                aria-orientation="horizontal"
                                aria-activedescendant=move || {
                                    format!("attention-tile-{}", selection.head.get())
                                }
                                on:keydown=on_key
                            >
                                {(0..tiles.heads).map(tile).collect_view()}
                            </g>
                        </svg>
                    }
                }}
            </Figure>
        </Show>
    }
}

/// A bracket over the heads that share a key head. A group may span several rows.
fn brackets(tiles: Tiles) -> impl IntoView {
    let bracket = |kv_head: u32| {
        let first = kv_head * tiles.group;
        let rows = (first / tiles.per_row)..=((first + tiles.group - 1) / tiles.per_row);
        rows.map(|row| {
            let from = first.max(row * tiles.per_row);
            let to = (first + tiles.group - 1).min((row + 1) * tiles.per_row - 1);
            let (left, top) = tiles.corner(from);
            let right = tiles.corner(to).0 + tiles.side;
            let y = top - NAME - 2.0;
            view! {
                <path class="bracket" d=format!("M {left} {} v -5 H {right} v 5", y + 5.0) />
                <text class="soft" x=(left + right) / 2.0 y=y - 6.0 text-anchor="middle">
                    {format!("KV {kv_head}")}
                </text>
            }
        })
        .collect_view()
    };
    (0..tiles.heads / tiles.group).map(bracket).collect_view()
}

fn picture(maps: &Maps, head: u32, look: Look) -> Option<String> {
    let side = maps.positions.min(SIDE);
    let hide_first = look.hide_first.get() && side > 1;
    let mut raster = Raster::new(side, side);
    for row in 0..side {
        for column in 0..=row {
            if !(hide_first && column == 0) {
                let value = maps.pooled(head, row, column, side);
                raster.paint(column, row, magnitude(look.shade(value)));
            }
        }
    }
    raster.url()
}

#[cfg(test)]
mod tests {
    use super::Tiles;

    #[test]
    fn heads_that_share_keys_stand_in_one_row() {
        assert_eq!(Tiles::new(9, 3).per_row, 9);
        assert_eq!(Tiles::new(32, 8).per_row, 8);
        assert_eq!(Tiles::new(24, 8).per_row, 6);
        assert_eq!(Tiles::new(32, 1).per_row, 8);
        let (width, height) = Tiles::new(32, 8).size();
        assert!(width <= 800.0 && height > 4.0 * 86.0, "{width} {height}");
    }
}
