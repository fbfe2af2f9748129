use leptos::prelude::*;
use vitrine_sampling::{Pipeline, Stage};

use super::Sampled;
use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::format;
use crate::i18n::t;
use crate::visible::shown_text;

/// Segments narrower than this, in units of the graphic, are merged with their neighbours.
const NARROW: f64 = 1.5;
const WIDTH: f64 = 900.0;
const LEFT: f64 = 10.0;

/// A segment of the line: one token, or several that are too short to be visible.
#[derive(Clone, PartialEq)]
struct Segment {
    /// Its only token.
    id: Option<u32>,
    start: f64,
    length: f64,
}

/// The remaining tokens, side by side from 0 to 1, and the random point.
#[component]
pub fn DrawLine(sampled: Sampled) -> impl IntoView {
    let drawn = sampled.pipeline.draw(sampled.position.position);
    let segments = segments(&sampled.pipeline);
    let name = {
        let candidates = sampled.position.candidates.clone();
        move |id: u32| match candidates.iter().find(|it| it.id == id) {
            Some(it) => shown_text(it.id, &it.bytes, it.token.as_deref()),
            None => format!("#{id}"),
        }
    };
    let same = sampled.position.there.map(|there| {
        if there == drawn.id {
            t("sampling-same").to_owned()
        } else {
            t!("sampling-other", token = name(there))
        }
    });
    let sentence = t!(
        "sampling-draw",
        u = format!("{:.6}", drawn.u),
        start = format!("{:.6}", drawn.start),
        end = format!("{:.6}", drawn.start + drawn.probability),
        token = name(drawn.id)
    );
    let table = {
        let pipeline = sampled.pipeline.clone();
        let name = name.clone();
        move || {
            let mut start = 0.0;
            let rows = pipeline.kept(Stage::MinP).take(500).map(|id| {
                let length = pipeline.probability(id, Stage::MinP);
                let from = start;
                start += length;
                view! {
                    <tr>
                        <th scope="row" class="word">{name(id)}</th>
                        <td>{id}</td>
                        <td>{format!("{from:.6}")}</td>
                        <td>{format!("{start:.6}")}</td>
                        <td>{format::percent(length)}</td>
                    </tr>
                }
            });
            view! {
                <NumberTable
                    heads=vec![
                        word(t("column-token")),
                        number(t("column-id")),
                        number(t("sampling-from")),
                        number(t("sampling-to")),
                        number(t("column-probability")),
                    ]
                    rows=rows.collect_view()
                />
            }
            .into_any()
        }
    };
    let point = LEFT + drawn.u * WIDTH;
    let label = sentence.clone();
    let marks = move || {
        let name = name.clone();
        let rects = segments.clone().into_iter().enumerate().map(move |(index, segment)| {
            let x = LEFT + segment.start * WIDTH;
            let width = segment.length * WIDTH;
            let chosen = segment.id == Some(drawn.id);
            let text = segment.id.map(&name);
            let fits = text.clone().filter(|text| text.chars().count() as f64 * 8.0 < width - 4.0);
            view! {
                <rect
                    class="line-segment"
                    class:line-odd=index % 2 == 1
                    class:line-chosen=chosen
                    class:line-many=segment.id.is_none()
                    x=x y="40" width=width height="44"
                >
                    <title>
                        {text.unwrap_or_else(|| t("sampling-short").to_owned())}
                    </title>
                </rect>
                {fits.map(|text| view! {
                    <text class="line-name" class:line-name-chosen=chosen x=x + width / 2.0 y="67"
                        text-anchor="middle">
                        {text}
                    </text>
                })}
            }
        });
        let ticks = (0..=10u32).map(|tick| {
            let x = LEFT + f64::from(tick) / 10.0 * WIDTH;
            view! {
                <line class="axis" x1=x x2=x y1="84" y2="90"></line>
                <text class="soft" x=x y="104" text-anchor="middle">
                    {format!("{:.1}", f64::from(tick) / 10.0)}
                </text>
            }
        });
        view! {
            {rects.collect_view()}
            {ticks.collect_view()}
            <line class="line-point" x1=point x2=point y1="18" y2="88"></line>
            <path class="line-dart" d=format!("M{} 12 H{} L{point} 24 Z", point - 7.0, point + 7.0) />
        }
    };
    view! {
        <Figure
            testid="draw-line"
            title=Signal::stored(t("sampling-line").to_owned())
            note=Signal::stored(t("sampling-line-note").to_owned())
            table
        >
            <svg class="graphic line-graphic" width="920" height="110" viewBox="0 0 920 110"
                role="img" aria-label=label.clone()
                data-testid="draw" data-u=drawn.u.to_string() data-id=drawn.id.to_string()
                data-start=drawn.start.to_string()
                data-probability=drawn.probability.to_string()>
                {marks()}
            </svg>
        </Figure>
        <p class="note">
            {sentence} " " {same}
        </p>
    }
}

/// The segments of the line, with neighbours merged that are too short to be visible.
fn segments(pipeline: &Pipeline) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut start = 0.0;
    for id in pipeline.kept(Stage::MinP) {
        let length = pipeline.probability(id, Stage::MinP);
        let narrow = length * WIDTH < NARROW;
        match segments.last_mut() {
            Some(last) if narrow && last.id.is_none() => last.length += length,
            _ => segments.push(Segment {
                id: (!narrow).then_some(id),
                start,
                length,
            }),
        }
        start += length;
    }
    segments
}
