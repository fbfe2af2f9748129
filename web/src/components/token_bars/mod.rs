mod pinned;
mod shown;

use std::sync::Arc;

use leptos::prelude::*;
use pinned::Pinned;
use shown::Shown;
use vitrine_protocol::{Candidate, Distribution};

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::pieces::piece_view;
use crate::reactive::memo;
use crate::state::State;
use crate::strip::Origin;
use crate::visible::shown_text;
use crate::{format, strings};

/// The scale of the bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// The length is the probability.
    #[default]
    Linear,
    /// The logarithm of the probability, from `LEAST` to 1.
    Log,
}

/// Probabilities up to this have a logarithmic bar of length 0.
const LEAST: f64 = 1e-6;

impl Scale {
    /// The fraction of the track that is filled.
    fn share(self, probability: f64) -> f64 {
        match self {
            Self::Linear => probability,
            Self::Log => 1.0 - probability.max(LEAST).log10() / LEAST.log10(),
        }
    }
}

/// The candidates of the selected token: the best ones, each with a bar, and the sum of all others. It is a table, so
/// that the numbers are accessible.
#[component]
pub fn TokenBars(state: State, bridge: Bridge) -> impl IntoView {
    let shown = memo(move |_| shown::shown(state));
    let distribution = memo(move |_| shown.with(|shown| shown.distribution.clone()));
    let rows = memo(move |_| distribution.with(|it| it.as_ref().map_or(0, |it| it.top.len())));
    let chosen = memo(move |_| shown.with(Shown::chosen));
    let scale = RwSignal::new(Scale::default());
    view! {
        <section class="panel bars" aria-labelledby="bars-heading">
            <h2 id="bars-heading">{t("bars-heading")}</h2>
            <p class="bars-caption" data-testid="bars-caption">
                {move || shown.with(|shown| shown.caption.clone())}
            </p>
            <Show when=move || distribution.with(Option::is_some)>
                <label class="check bars-scale">
                    <input
                        type="checkbox"
                        data-testid="log-scale"
                        prop:checked=move || scale.get() == Scale::Log
                        on:change=move |event| scale.set(match event_target_checked(&event) {
                            true => Scale::Log,
                            false => Scale::Linear,
                        })
                    />
                    <span>{t("bars-log")}</span>
                </label>
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
                            <Row state bridge rank distribution chosen scale />
                        </For>
                        <RestRow distribution scale />
                    </tbody>
                </table>
                <Pinned state bridge scale />
            </Show>
        </section>
    }
}

/// The candidate of a rank. Rows are kept and only their contents change, so that a new token
/// creates no elements.
#[component]
fn Row(
    state: State,
    bridge: Bridge,
    rank: usize,
    distribution: Memo<Option<Arc<Distribution>>>,
    chosen: Memo<Option<(u32, Origin)>>,
    scale: RwSignal<Scale>,
) -> impl IntoView {
    let candidate =
        memo(move |_| distribution.with(|it| it.as_ref().and_then(|it| it.top.get(rank).cloned())));
    let of =
        move |text: fn(&Candidate) -> String| move || candidate.with(|it| it.as_ref().map(text));
    let probability =
        memo(move |_| candidate.with(|it| it.as_ref().map_or(0.0, |it| it.probability)));
    let mark = memo(move |_| {
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
    let can_branch = memo(move |_| {
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
            <td><BarCell probability scale /></td>
            <td class="bars-number">{of(|it| format!("{:.3}", it.logit))}</td>
            <td class="bars-number bars-id">{of(|it| it.id.to_string())}</td>
        </tr>
    }
}

/// All tokens that are not listed.
#[component]
fn RestRow(distribution: Memo<Option<Arc<Distribution>>>, scale: RwSignal<Scale>) -> impl IntoView {
    let probability =
        memo(move |_| distribution.with(|it| it.as_ref().map_or(0.0, |it| it.rest_probability)));
    let count = memo(move |_| distribution.with(|it| it.as_ref().map_or(0, |it| it.rest_count)));
    view! {
        <tr
            class="bars-row bars-rest"
            data-testid="rest"
            data-probability=move || probability.get().to_string()
            data-count=move || count.get().to_string()
        >
            <td class="bars-rank"></td>
            <th scope="row" class="bars-token">{move || strings::rest(count.get())}</th>
            <td><BarCell probability scale /></td>
            <td class="bars-number"></td>
            <td class="bars-number bars-id"></td>
        </tr>
    }
}

/// A probability, and a bar whose full track is 100 %.
#[component]
fn BarCell(probability: Memo<f64>, scale: RwSignal<Scale>) -> impl IntoView {
    let share = move || scale.get().share(probability.get());
    view! {
        <span class="bars-cell">
            <span class="bars-percent">{move || format::percent(probability.get())}</span>
            <span class="bars-track" aria-hidden="true">
                <span class="bars-fill" style:width=move || format!("{}%", share() * 100.0)></span>
            </span>
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn a_logarithmic_bar_shows_what_a_linear_one_cannot() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(Scale::Linear.share(0.25), 0.25));
        assert!(near(Scale::Log.share(1.0), 1.0));
        assert!(near(Scale::Log.share(1e-3), 0.5));
        assert!(near(Scale::Log.share(0.0), 0.0));
    }
}
