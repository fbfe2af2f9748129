use leptos::prelude::*;
use vitrine_protocol::Candidate;

use super::Sequence;
use crate::format;
use crate::i18n::t;
use crate::pieces::piece_view;
use crate::reactive::memo;

/// One sequence: its text, and the candidates of a token.
#[component]
pub fn Column(sequences: RwSignal<Vec<Sequence>>, index: usize) -> impl IntoView {
    let sequence = memo(move |_| sequences.with(|all| all.get(index).cloned().unwrap_or_default()));
    // `None` follows the newest token.
    let looked_at = RwSignal::new(None::<usize>);
    let step = move || {
        let at = looked_at.get();
        sequence.with(|it| {
            let newest = it.steps.len().checked_sub(1)?;
            it.steps.get(at.unwrap_or(newest).min(newest)).cloned()
        })
    };
    let steps = move || {
        sequence.with(|it| {
            it.steps
                .iter()
                .enumerate()
                .map(|(at, step)| {
                    let piece = &step.piece;
                    view! {
                        <button
                            type="button"
                            class="batch-token"
                            aria-pressed=move || (looked_at.get() == Some(at)).to_string()
                            data-testid="batch-token"
                            data-id=piece.id.to_string()
                            on:click=move |_| {
                                looked_at.update(|it| *it = (*it != Some(at)).then_some(at));
                            }
                        >
                            {piece_view(piece.id, &piece.bytes, piece.token.as_deref())}
                        </button>
                    }
                })
                .collect_view()
        })
    };
    let bars = move || {
        step().map(|step| {
            let chosen = step.piece.id;
            let top = step.distribution.map(|it| it.top).unwrap_or_default();
            let row = move |it: Candidate| {
                view! {
                    <tr class:batch-chosen=it.id == chosen data-testid="batch-bar"
                        data-id=it.id.to_string() data-probability=it.probability.to_string()>
                        <th scope="row" class="word">
                            {piece_view(it.id, &it.bytes, it.token.as_deref())}
                        </th>
                        <td class="batch-cell">
                            <span class="batch-bar"
                                style:inline-size=format!("{:.2}%", 100.0 * it.probability)></span>
                            <span class="batch-number">{format::percent(it.probability)}</span>
                        </td>
                    </tr>
                }
            };
            view! {
                <table class="numbers">
                    <caption class="visually-hidden">{t("bars-heading")}</caption>
                    <tbody>{top.into_iter().map(row).collect_view()}</tbody>
                </table>
            }
        })
    };
    view! {
        <section class="panel batch" data-testid="batch-column" data-sequence=index.to_string()>
            <h3 class="batch-prompt">{move || sequence.with(|it| it.prompt.clone())}</h3>
            <p class="batch-text">{steps}</p>
            {bars}
        </section>
    }
}
