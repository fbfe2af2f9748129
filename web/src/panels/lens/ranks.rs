use leptos::prelude::*;

use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::panels::lens::cells::{Lens, candidate_words};
use crate::state::State;
use crate::visible;

const LEFT: f64 = 64.0;
const TOP: f64 = 16.0;
const WIDTH: f64 = 580.0;
const HEIGHT: f64 = 260.0;
const RIGHT: f64 = 150.0;
/// Maximum number of lines.
const MOST: usize = 8;

/// The ranks of a token through the layers.
struct Way {
    letter: char,
    word: String,
    /// The rank in each row.
    ranks: Vec<Option<u32>>,
}

/// The ranks, at the selected position, of all tokens that have rank 1 in some row.
#[component]
pub fn LensRanks(state: State, lens: Memo<Option<Lens>>) -> impl IntoView {
    let selected = state.strip.selected;
    let position = move || lens.with(|it| it.as_ref().map_or(0, |it| it.position(selected.get())));
    let title = move || {
        lens.with(|lens| {
            let token = lens
                .as_ref()
                .map(|it| it.token(position()))
                .unwrap_or_default();
            t!("lens-ranks", token = token, position = position())
        })
    };
    let ways = move || {
        lens.with(|lens| {
            lens.as_ref()
                .map(|it| ways(it, position()))
                .unwrap_or_default()
        })
    };
    let beyond = move || {
        lens.with(|lens| {
            let cell = lens.as_ref().and_then(|it| it.cell(0, 0));
            cell.map_or(1, |cell| cell.top.len() as u32)
        })
    };
    let table = move || {
        let ways = ways();
        let rows = ways.first().map_or(0, |way| way.ranks.len());
        let words = ways.iter().map(|way| word(way.word.clone()));
        let heads = std::iter::once(number(t("selection-layer"))).chain(words);
        let row = |row: usize| {
            let cells = ways.iter().map(|way| {
                let rank = way.ranks[row];
                view! { <td>{rank.map_or_else(|| format!("> {}", beyond()), |it| it.to_string())}</td> }
            });
            view! {
                <tr>
                    <th scope="row">{row}</th>
                    {cells.collect_view()}
                </tr>
            }
        };
        view! {
            <NumberTable
                heads=heads.collect()
                rows=(0..rows).map(row).collect_view()
            />
        }
    };
    view! {
        <Figure
            testid="lens-ranks"
            title=Signal::derive(title)
            note=Signal::derive(move || t!("lens-ranks-note", top = beyond()))
            table
        >
            {move || {
                let ways = ways();
                let rows = ways.first().map_or(0, |way| way.ranks.len());
                let scale = Scale { rows, beyond: beyond() };
                let (width, height) = (LEFT + WIDTH + RIGHT, TOP + HEIGHT + 44.0);
                view! {
                    <svg
                        class="graphic graphic-sized"
                        role="img"
                        tabindex="0"
                        aria-label=title
                        width=width
                        height=height
                        viewBox=format!("0 0 {width} {height}")
                    >
                        {axes(scale, state.selection.layer.get())}
                        {ways.iter().rev().map(|way| line(way, scale)).collect_view()}
                        {names(&ways, scale)}
                    </svg>
                }
            }}
        </Figure>
    }
}

fn ways(lens: &Lens, position: u32) -> Vec<Way> {
    let leaders = lens.leaders(position);
    ('A'..='Z')
        .zip(leaders.iter().take(MOST))
        .map(|(letter, leader)| Way {
            letter,
            word: candidate_words(leader),
            ranks: (0..lens.rows())
                .map(|row| lens.rank(row, position, leader.id))
                .collect(),
        })
        .collect()
}

#[derive(Clone, Copy)]
struct Scale {
    rows: usize,
    /// The last rank with a height of its own.
    beyond: u32,
}

impl Scale {
    fn x(self, row: usize) -> f64 {
        LEFT + WIDTH * row as f64 / (self.rows.max(2) - 1) as f64
    }

    /// Height of a rank, logarithmic; all ranks after `beyond` share the bottom line.
    fn y(self, rank: Option<u32>) -> f64 {
        let end = f64::from(self.beyond + 1).ln() * 1.15;
        let share = match rank {
            Some(rank) if rank <= self.beyond => f64::from(rank).ln() / end,
            _ => 1.0,
        };
        TOP + HEIGHT * share
    }
}

fn axes(scale: Scale, layer: u32) -> impl IntoView + use<> {
    let ranks = [1, 2, 3, 5, 10, 20, 32]
        .into_iter()
        .filter(|&it| it <= scale.beyond);
    let ranks = ranks
        .map(|rank| (scale.y(Some(rank)), rank.to_string()))
        .chain([(scale.y(None), format!("> {}", scale.beyond))]);
    let ranks = ranks
        .map(|(y, word)| {
            view! {
                <path class="gridline" d=format!("M {LEFT} {y} h {WIDTH}") />
                <text class="soft" x=LEFT - 10.0 y=y text-anchor="end" dominant-baseline="central">
                    {word}
                </text>
            }
        })
        .collect_view();
    let step = scale.rows.div_ceil(11).max(1);
    let last = scale.rows.saturating_sub(1);
    let layers = (0..scale.rows)
        .filter(|row| *row == last || (row % step == 0 && row + step <= last))
        .map(|row| {
            let word = if row == last {
                t("lens-output-short").to_owned()
            } else {
                row.to_string()
            };
            view! {
                <text class="soft" x=scale.x(row) y=TOP + HEIGHT + 20.0 text-anchor="middle">
                    {word}
                </text>
            }
        })
        .collect_view();
    let x = scale.x((layer as usize).min(last));
    view! {
        {ranks}
        {layers}
        <text class="soft" x=LEFT + WIDTH / 2.0 y=TOP + HEIGHT + 40.0 text-anchor="middle">
            {t("lens-ranks-axes")}
        </text>
        <path class="lens-here" d=format!("M {x} {TOP} v {HEIGHT}") />
    }
}

fn line(way: &Way, scale: Scale) -> impl IntoView + use<> {
    let points: Vec<String> = way
        .ranks
        .iter()
        .enumerate()
        .map(|(row, rank)| format!("{:.1},{:.1}", scale.x(row), scale.y(*rank)))
        .collect();
    let leads = way
        .ranks
        .iter()
        .enumerate()
        .filter(|(_, rank)| **rank == Some(1));
    let letter = way.letter;
    // 0 means that the token is not among the candidates.
    let ranks: Vec<String> = way
        .ranks
        .iter()
        .map(|rank| rank.unwrap_or(0).to_string())
        .collect();
    let leads = leads
        .map(|(row, _)| {
            let (x, y) = (scale.x(row), scale.y(Some(1)));
            view! {
                <circle class="lens-lead" cx=x cy=y r="8" />
                <text x=x y=y text-anchor="middle" dominant-baseline="central">
                    {letter.to_string()}
                </text>
            }
        })
        .collect_view();
    view! {
        <polyline
            class="lens-way"
            data-testid="lens-way"
            data-letter=letter.to_string()
            data-ranks=ranks.join(" ")
            points=points.join(" ")
        />
        {leads}
    }
}

/// The tokens at the ends of their lines, moved apart to avoid overlaps.
fn names(ways: &[Way], scale: Scale) -> impl IntoView + use<> {
    let mut ends: Vec<(f64, &Way)> = ways
        .iter()
        .map(|way| (scale.y(way.ranks.last().copied().flatten()), way))
        .collect();
    ends.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut lowest = f64::MIN;
    let mut places = Vec::new();
    for (y, way) in ends {
        lowest = y.max(lowest + 16.0);
        places.push((lowest, way));
    }
    // At the bottom edge they are moved up instead.
    let mut highest = TOP + HEIGHT + 12.0;
    for (y, _) in places.iter_mut().rev() {
        *y = y.min(highest);
        highest = *y - 16.0;
    }
    places
        .into_iter()
        .map(|(y, way)| {
            let word = format!("{} {}", way.letter, visible::short(&way.word, 14));
            view! {
                <text class="word" x=LEFT + WIDTH + 16.0 y=y dominant-baseline="central">
                    {word}
                </text>
            }
        })
        .collect_view()
}
