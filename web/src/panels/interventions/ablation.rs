use leptos::prelude::*;
use vitrine_protocol::{AblationReport, Answer};

use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::reactive::memo;
use crate::state::State;
use crate::{format, visible};

/// Maximum number of compared tokens.
const MOST: usize = 12;
const LEFT: f64 = 150.0;
const WIDTH: f64 = 430.0;
const ROW: f64 = 42.0;

/// A token's probability before and after.
#[derive(Clone, PartialEq)]
struct Moved {
    id: u32,
    word: String,
    before: f64,
    after: f64,
}

/// The most probable tokens before, and those whose probabilities changed most.
fn moved(report: &AblationReport) -> Vec<Moved> {
    let mut moved: Vec<Moved> = report
        .moved
        .iter()
        .map(|it| Moved {
            id: it.piece.id,
            word: visible::label(&it.piece),
            before: it.before,
            after: it.after,
        })
        .collect();
    for before in &report.before.top {
        let after = report.after.top.iter().find(|it| it.id == before.id);
        if let Some(after) = after
            && !moved.iter().any(|it| it.id == before.id)
        {
            moved.push(Moved {
                id: before.id,
                word: visible::shown_text(before.id, &before.bytes, before.token.as_deref()),
                before: before.probability,
                after: after.probability,
            });
        }
    }
    moved.sort_by(|a, b| f64::total_cmp(&b.before.max(b.after), &a.before.max(a.after)));
    moved.truncate(MOST);
    moved
}

/// The next token in the unchanged and in the changed model.
#[component]
pub fn Ablation(state: State, ablation: Inquiry) -> impl IntoView {
    let report = memo(move |_| {
        if state.interventions.with(Vec::is_empty) {
            return None;
        }
        ablation
            .answered
            .with(|answered| match &answered.as_ref()?.answer {
                Answer::Ablate(report) => Some((moved(report), report.kl)),
                _ => None,
            })
    });
    let rows = move || report.get().map(|(rows, _)| rows).unwrap_or_default();
    let kl = move || report.with(|it| it.as_ref().map_or(0.0, |(_, kl)| *kl));
    let table = move || {
        let row = |it: Moved| {
            view! {
                <tr>
                    <td class="word">{it.word}</td>
                    <td>{it.id}</td>
                    <td>{it.before}</td>
                    <td>{it.after}</td>
                    <td>{it.after - it.before}</td>
                </tr>
            }
        };
        view! {
            <NumberTable
                heads=vec![
                    word(t("column-token")),
                    number(t("column-id")),
                    number(t("interventions-before")),
                    number(t("interventions-after")),
                    number("Δ"),
                ]
                rows=rows().into_iter().map(row).collect_view()
            />
        }
    };
    view! {
        <Show when=move || report.with(Option::is_some)>
            <Figure
                testid="interventions-ablation"
                title=Signal::stored(t("interventions-ablation").to_owned())
                note=Signal::derive(move || t!("interventions-kl", kl = format::nats(kl())))
                table
            >
                {move || {
                    let rows = rows();
                    let (width, height) = (LEFT + WIDTH + 190.0, rows.len() as f64 * ROW + 6.0);
                    view! {
                        <svg
                            class="graphic graphic-sized"
                            role="img"
                            tabindex="0"
                            aria-label=t("interventions-ablation")
                            data-testid="interventions-bars"
                            data-kl=kl().to_string()
                            width=width
                            height=height
                            viewBox=format!("0 0 {width} {height}")
                        >
                            {rows.into_iter().enumerate().map(bars).collect_view()}
                        </svg>
                    }
                }}
            </Figure>
        </Show>
    }
}

fn bars((index, row): (usize, Moved)) -> impl IntoView {
    let top = index as f64 * ROW + 4.0;
    let change = row.after - row.before;
    let arrow = if change < 0.0 { "▼" } else { "▲" };
    view! {
        <g
            data-testid="interventions-moved"
            data-id=row.id.to_string()
            data-before=row.before.to_string()
            data-after=row.after.to_string()
        >
            <text class="word" x=LEFT - 12.0 y=top + 18.0 text-anchor="end"
                dominant-baseline="central">
                {visible::short(&row.word, 16)}
            </text>
            <rect class="bar-before" x=LEFT y=top + 1.0 height="14" width=row.before * WIDTH />
            <rect class="bar-after" x=LEFT y=top + 19.0 height="14" width=row.after * WIDTH />
            <path class="axis" d=format!("M {LEFT} {top} v 36") />
            <text class="soft" x=LEFT + row.before * WIDTH + 8.0 y=top + 12.0>
                {t!("interventions-was", probability = format::percent(row.before))}
            </text>
            <text x=LEFT + row.after * WIDTH + 8.0 y=top + 31.0>
                {format!("{} {arrow} {:.3} %", format::percent(row.after), change.abs() * 100.0)}
            </text>
        </g>
    }
}
