mod shown;

use std::sync::Arc;

use leptos::prelude::*;
use shown::Shown;
use vitrine_protocol::{Candidate, Distribution};

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::pieces::piece_view;
use crate::state::State;
use crate::strip::Origin;
use crate::visible::shown_text;
use crate::{format, strings};

/// What the selected token was chosen among: the best candidates, each with a bar, and all others
/// as one. It is a table, so the numbers are there for everyone.
#[component]
pub fn TokenBars(state: State, bridge: Bridge) -> impl IntoView {
    let shown = Memo::new(move |_| shown::shown(state));
    let distribution = Memo::new(move |_| shown.with(|shown| shown.distribution.clone()));
    let rows = Memo::new(move |_| distribution.with(|it| it.as_ref().map_or(0, |it| it.top.len())));
    let chosen = Memo::new(move |_| shown.with(Shown::chosen));
    view! {
        <section class="panel bars" aria-labelledby="bars-heading">
            <h2 id="bars-heading">{t("bars-heading")}</h2>
            <p class="bars-caption" data-testid="bars-caption">
                {move || shown.with(|shown| shown.caption.clone())}
            </p>
            <Show when=move || distribution.with(Option::is_some)>
                <table
                    class="bars-table"
                    aria-labelledby="bars-heading"
                    data-testid="bars"
                    data-position=move || {
                        shown.with(|shown| shown.position.map(|position| position.to_string()))
                    }
                >
                    <thead>
                        <tr>
                            <th scope="col" class="bars-rank">{t("column-rank")}</th>
                            <th scope="col">{t("column-token")}</th>
                            <th scope="col">{t("column-probability")}</th>
                            <th scope="col" class="bars-number">{t("column-logit")}</th>
                            <th scope="col" class="bars-number bars-id">{t("column-id")}</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || 0..rows.get() key=|rank| *rank let(rank)>
                            <Row state bridge rank distribution chosen />
                        </For>
                        <RestRow distribution />
                    </tbody>
                </table>
            </Show>
        </section>
    }
}

/// The candidate of one rank. The row stays and its numbers change, so a new token costs no new
/// elements.
#[component]
fn Row(
    state: State,
    bridge: Bridge,
    rank: usize,
    distribution: Memo<Option<Arc<Distribution>>>,
    chosen: Memo<Option<(u32, Origin)>>,
) -> impl IntoView {
    let candidate = Memo::new(move |_| {
        distribution.with(|it| it.as_ref().and_then(|it| it.top.get(rank).cloned()))
    });
    let of =
        move |text: fn(&Candidate) -> String| move || candidate.with(|it| it.as_ref().map(text));
    let probability =
        Memo::new(move |_| candidate.with(|it| it.as_ref().map_or(0.0, |it| it.probability)));
    let mark = Memo::new(move |_| {
        let id = candidate.with(|it| it.as_ref().map(|it| it.id));
        chosen
            .get()
            .filter(|(chosen, _)| Some(*chosen) == id)
            .map(|(_, origin)| match origin {
                Origin::Generated => t("chosen"),
                Origin::Forced => t("chosen-by-reader"),
                Origin::Prompt => t("in-prompt"),
            })
    });
    let can_branch = Memo::new(move |_| {
        state.phase.track();
        state.branches.all.track();
        state.can_fork(state.strip.run.get())
    });
    let branch = move || {
        let Some(candidate) = candidate.get_untracked() else {
            return;
        };
        let token = shown_text(candidate.id, &candidate.bytes, candidate.token.as_deref());
        let position = untrack(|| state.strip.shown());
        if let Some(command) =
            position.and_then(|position| state.fork(position, candidate.id, token))
        {
            bridge.send(&command);
        }
    };
    view! {
        <tr
            class="bars-row"
            class:bars-chosen=move || mark.get().is_some()
            data-testid="bar"
            data-id=of(|it| it.id.to_string())
            data-probability=of(|it| it.probability.to_string())
            data-logit=of(|it| it.logit.to_string())
            data-chosen=move || mark.get().is_some().then_some("true")
        >
            <td class="bars-rank">{rank + 1}</td>
            <th scope="row" class="bars-token">
                <button
                    type="button"
                    class="bars-branch"
                    data-testid="branch-to"
                    title=t("branch-hint")
                    disabled=move || !can_branch.get()
                    on:click=move |_| branch()
                >
                    {move || candidate.with(|it| {
                        it.as_ref().map(|it| piece_view(it.id, &it.bytes, it.token.as_deref()))
                    })}
                </button>
                {move || mark.get().map(|mark| view! { <span class="bars-mark">{mark}</span> })}
            </th>
            <BarCell probability />
            <td class="bars-number">{of(|it| format!("{:.3}", it.logit))}</td>
            <td class="bars-number bars-id">{of(|it| it.id.to_string())}</td>
        </tr>
    }
}

/// All tokens that are not in the list.
#[component]
fn RestRow(distribution: Memo<Option<Arc<Distribution>>>) -> impl IntoView {
    let probability = Memo::new(move |_| {
        distribution.with(|it| it.as_ref().map_or(0.0, |it| it.rest_probability))
    });
    let count =
        Memo::new(move |_| distribution.with(|it| it.as_ref().map_or(0, |it| it.rest_count)));
    view! {
        <tr
            class="bars-row bars-rest"
            data-testid="rest"
            data-probability=move || probability.get().to_string()
            data-count=move || count.get().to_string()
        >
            <td class="bars-rank"></td>
            <th scope="row" class="bars-token">{move || strings::rest(count.get())}</th>
            <BarCell probability />
            <td class="bars-number"></td>
            <td class="bars-number bars-id"></td>
        </tr>
    }
}

/// A bar whose whole track is 100 %, and the number.
#[component]
fn BarCell(probability: Memo<f64>) -> impl IntoView {
    view! {
        <td>
            <div class="bars-cell">
                <span class="bars-percent">{move || format::percent(probability.get())}</span>
                <span class="bars-track" aria-hidden="true">
                    <span
                        class="bars-fill"
                        style:width=move || format!("{}%", probability.get() * 100.0)
                    ></span>
                </span>
            </div>
        </td>
    }
}
