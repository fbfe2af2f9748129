use leptos::prelude::*;

use crate::components::figure::Figure;
use crate::components::number_slider::NumberSlider;
use crate::components::number_table::{NumberTable, number};
use crate::i18n::t;
use crate::panels::rope::turns::{Side, Turns, turn};
use crate::state::State;

/// Circles that are shown.
const CIRCLES: u32 = 8;
const PER_ROW: u32 = 4;
const TILE: f64 = 200.0;
const HEIGHT: f64 = 240.0;
const RADIUS: f64 = 82.0;

/// Pairs of dimensions as vectors in a plane, before and after rotation.
#[component]
pub fn Circles(state: State, turns: Memo<Option<Turns>>) -> impl IntoView {
    let selected = state.strip.selected;
    let pairs = move || turns.with(|it| it.as_ref().map_or(0, Turns::pairs));
    let position = move || turns.with(|it| it.as_ref().map_or(0, |it| it.position(selected.get())));
    let wanted = RwSignal::new(0.0);
    let shown = move || shown(pairs(), wanted.get() as u32);
    let title = move || {
        turns.with(|turns| {
            let token = turns
                .as_ref()
                .map(|it| it.token(position()))
                .unwrap_or_default();
            t!("rope-circles", token = token, position = position())
        })
    };
    let table = move || {
        let position = position();
        let row = |pair: u32| {
            turns.with(|turns| {
                let turns = turns.as_ref()?;
                let circle = Circle::of(turns, position, pair);
                let cell = |(x, y): (f64, f64)| view! { <td>{format!("{x:.4}, {y:.4}")}</td> };
                Some(view! {
                    <tr>
                        <th scope="row">{pair}</th>
                        <td>{circle.inv_freq}</td>
                        <td>{format!("{:.6}", circle.angle)}</td>
                        <td>{format!("{:.6}", circle.measured())}</td>
                        {cell(circle.query.0)}
                        {cell(circle.query.1)}
                        {cell(circle.key.0)}
                        {cell(circle.key.1)}
                    </tr>
                })
            })
        };
        view! {
            <NumberTable
                heads=vec![
                    number(t("rope-pair")),
                    number("inv_freq"),
                    number(t("rope-angle")),
                    number(t("rope-measured")),
                    number("q_proj"),
                    number("q"),
                    number("k_proj"),
                    number("k"),
                ]
                rows=(0..pairs()).map(row).collect_view()
            />
        }
    };
    view! {
        <Figure
            testid="rope-circles"
            title=Signal::derive(title)
            note=Signal::stored(t("rope-circles-note").to_owned())
            table
        >
            {move || {
                let position = position();
                let width = f64::from(PER_ROW) * TILE;
                let shown = shown();
                let rows = (shown.len() as u32).div_ceil(PER_ROW);
                let height = f64::from(rows) * HEIGHT;
                let circles = turns.with(|turns| {
                    let turns = turns.as_ref()?;
                    let circles = shown
                        .iter()
                        .enumerate()
                        .map(|(index, pair)| {
                            circle(Circle::of(turns, position, *pair), index as u32)
                        })
                        .collect_view();
                    Some(circles)
                });
                view! {
                    <svg
                        class="graphic graphic-sized"
                        role="img"
                        tabindex="0"
                        aria-label=title
                        data-testid="rope-circles-drawn"
                        data-position=position.to_string()
                        width=width
                        height=height
                        viewBox=format!("0 0 {width} {height}")
                    >
                        {circles}
                    </svg>
                }
            }}
        </Figure>
        <div class="panel">
            {move || {
                let last = pairs().saturating_sub(1);
                view! {
                    <NumberSlider
                        id="rope-first-pair"
                        label=t("rope-first-pair")
                        value=wanted
                        min=0.0
                        max=f64::from(last)
                        step=1.0
                    />
                }
            }}
        </div>
    }
}

/// The wanted pair, then others at equal steps.
fn shown(pairs: u32, wanted: u32) -> Vec<u32> {
    let mut shown = vec![wanted.min(pairs.saturating_sub(1))];
    for step in 0..CIRCLES {
        let pair = step * pairs.saturating_sub(1) / (CIRCLES - 1);
        if shown.len() < CIRCLES as usize && !shown.contains(&pair) {
            shown.push(pair);
        }
    }
    shown
}

/// A pair of dimensions at a position.
#[derive(Clone, Copy)]
struct Circle {
    pair: u32,
    inv_freq: f32,
    /// Expected rotation in radians.
    angle: f64,
    /// Before and after.
    query: ((f64, f64), (f64, f64)),
    key: ((f64, f64), (f64, f64)),
}

impl Circle {
    fn of(turns: &Turns, position: u32, pair: u32) -> Self {
        let inv_freq = turns.inv_freq().get(pair as usize).copied().unwrap_or(0.0);
        let of = |side| turns.pair(side, position, pair);
        Self {
            pair,
            inv_freq,
            angle: f64::from(position) * f64::from(inv_freq),
            query: (of(Side::QueryBefore), of(Side::Query)),
            key: (of(Side::KeyBefore), of(Side::Key)),
        }
    }

    /// Measured rotation of the query, in radians from 0 to 2π.
    fn measured(&self) -> f64 {
        turn(self.query.0, self.query.1)
    }
}

fn circle(circle: Circle, index: u32) -> impl IntoView {
    let (column, row) = (index % PER_ROW, index / PER_ROW);
    let x = f64::from(column) * TILE + TILE / 2.0;
    let y = f64::from(row) * HEIGHT + 46.0 + RADIUS;
    let length = |(x, y): (f64, f64)| x.hypot(y);
    let longest = [circle.query.0, circle.query.1, circle.key.0, circle.key.1]
        .into_iter()
        .map(length)
        .fold(f64::MIN_POSITIVE, f64::max);
    // Upwards is positive, as on paper.
    let end = move |(x, y): (f64, f64)| (x / longest * RADIUS, -y / longest * RADIUS);
    let ray = move |class: &'static str, vector, word: &'static str| {
        let (x, y) = end(vector);
        let (word_x, word_y) = (x * 1.0 + 9.0 * x.signum(), y - 5.0);
        view! {
            <path class=class d=format!("M 0 0 L {x:.2} {y:.2}") />
            <circle class=class cx=x cy=y r="3.5" />
            <text x=word_x y=word_y text-anchor="middle">
                {word}
            </text>
        }
    };
    let turns = circle.angle / std::f64::consts::TAU;
    view! {
        <g
            transform=format!("translate({x} {y})")
            data-testid="rope-circle"
            data-pair=circle.pair.to_string()
            data-angle=circle.angle.to_string()
            data-measured=circle.measured().to_string()
        >
            <text class="chosen" y=-RADIUS - 28.0 text-anchor="middle">
                {t!("rope-pair-name", pair = circle.pair)}
            </text>
            <text class="soft" y=-RADIUS - 12.0 text-anchor="middle">
                {t!(
                    "rope-turned",
                    angle = format!("{:.3}", circle.angle),
                    turns = format!("{turns:.3}")
                )}
            </text>
            <circle class="rope-circle" r=RADIUS />
            <path class="gridline" d=format!("M -{RADIUS} 0 H {RADIUS} M 0 -{RADIUS} V {RADIUS}") />
            {ray("rope-key rope-before", circle.key.0, "")}
            {ray("rope-key", circle.key.1, "k")}
            {ray("rope-query rope-before", circle.query.0, "")}
            {ray("rope-query", circle.query.1, "q")}
        </g>
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn the_wanted_pair_is_among_others() {
        assert_eq!(shown(32, 0), [0, 4, 8, 13, 17, 22, 26, 31]);
        assert_eq!(shown(32, 5)[..3], [5, 0, 4]);
        assert_eq!(shown(2, 9), [1, 0]);
    }
}
