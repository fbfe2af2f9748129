use leptos::prelude::*;

use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::panels::rope::turns::{Side, Turns};
use crate::state::State;
use crate::visible;

const LEFT: f64 = 64.0;
const TOP: f64 = 20.0;
const WIDTH: f64 = 690.0;
const HEIGHT: f64 = 220.0;

/// A key that the selected query attends to.
#[derive(Clone)]
struct Meeting {
    key: u32,
    distance: u32,
    word: String,
    before: f64,
    after: f64,
}

/// Scores of the selected query with each key before it, by their distance.
#[component]
pub fn Distances(state: State, turns: Memo<Option<Turns>>) -> impl IntoView {
    let selected = state.strip.selected;
    let position = move || turns.with(|it| it.as_ref().map_or(0, |it| it.position(selected.get())));
    let meetings = move || {
        turns.with(|turns| {
            turns
                .as_ref()
                .map(|it| meetings(it, position()))
                .unwrap_or_default()
        })
    };
    let title = move || {
        let token = turns.with(|it| {
            it.as_ref()
                .map(|it| it.token(position()))
                .unwrap_or_default()
        });
        t!("rope-distances", token = token, position = position())
    };
    let table = move || {
        let row = |it: Meeting| {
            view! {
                <tr>
                    <td>{it.distance}</td>
                    <td>{it.key}</td>
                    <td class="word">{it.word}</td>
                    <td>{it.before}</td>
                    <td>{it.after}</td>
                </tr>
            }
        };
        view! {
            <NumberTable
                heads=vec![
                    number(t("rope-distance")),
                    number(t("attention-key")),
                    word(t("column-token")),
                    number(t("rope-before")),
                    number(t("rope-after")),
                ]
                rows=meetings().into_iter().map(row).collect_view()
            />
        }
    };
    view! {
        <Figure
            testid="rope-distances"
            title=Signal::derive(title)
            note=Signal::stored(t("rope-distances-note").to_owned())
            table
        >
            {move || chart(&meetings(), title())}
        </Figure>
    }
}

fn meetings(turns: &Turns, at: u32) -> Vec<Meeting> {
    (0..=at)
        .rev()
        .map(|key| Meeting {
            key,
            distance: at - key,
            word: turns.token(key),
            before: turns.score(Side::QueryBefore, Side::KeyBefore, at, key),
            after: turns.score(Side::Query, Side::Key, at, key),
        })
        .collect()
}

fn chart(meetings: &[Meeting], title: String) -> impl IntoView + use<> {
    let values = || meetings.iter().flat_map(|it| [it.before, it.after]);
    let high = values().fold(0.0, f64::max);
    let low = values().fold(0.0, f64::min);
    let span = (high - low).max(f64::MIN_POSITIVE);
    let farthest = meetings.len().max(2) - 1;
    let x = move |distance: u32| LEFT + WIDTH * f64::from(distance) / farthest as f64;
    let y = move |value: f64| TOP + HEIGHT * (high - value) / span;
    let line = |of: fn(&Meeting) -> f64| {
        let points = meetings
            .iter()
            .map(|it| format!("{:.1},{:.1}", x(it.distance), y(of(it))));
        points.collect::<Vec<_>>().join(" ")
    };
    let (before, after) = (line(|it| it.before), line(|it| it.after));
    let few = meetings.len() <= 60;
    let points = few.then(|| {
        let point = |it: &Meeting| {
            view! {
                <circle
                    class="rope-point"
                    cx=x(it.distance)
                    cy=y(it.after)
                    r="4"
                    data-testid="rope-score"
                    data-key=it.key.to_string()
                    data-before=it.before.to_string()
                    data-after=it.after.to_string()
                />
            }
        };
        meetings.iter().map(point).collect_view()
    });
    let step = meetings.len().div_ceil(14).max(1);
    let words = meetings
        .iter()
        .filter(|it| (it.distance as usize).is_multiple_of(step))
        .map(|it| {
            let x = x(it.distance);
            let y = TOP + HEIGHT + 18.0;
            view! {
                <text class="soft" x=x y=y text-anchor="middle">{it.distance}</text>
                <text class="word" x=x y=y + 18.0 text-anchor="middle">
                    {visible::short(&it.word, 6)}
                </text>
            }
        })
        .collect_view();
    let ticks = [high, f64::midpoint(high, low), low]
        .into_iter()
        .map(|value| {
            view! {
                <path class="gridline" d=format!("M {LEFT} {} h {WIDTH}", y(value)) />
                <text class="soft" x=LEFT - 8.0 y=y(value) text-anchor="end"
                    dominant-baseline="central">
                    {format!("{value:.2}")}
                </text>
            }
        })
        .collect_view();
    let (width, height) = (LEFT + WIDTH + 40.0, TOP + HEIGHT + 66.0);
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
            {ticks}
            <path class="axis" d=format!("M {LEFT} {} h {WIDTH}", y(0.0)) />
            <polyline class="rope-line rope-before" points=before />
            <polyline class="rope-line" points=after />
            {points}
            {words}
            <text class="soft" x=LEFT + WIDTH / 2.0 y=height - 6.0 text-anchor="middle">
                {t("rope-distance")}
            </text>
        </svg>
    }
}
