use leptos::prelude::*;

use crate::i18n::t;
use crate::phase::Phase;
use crate::state::State;

/// The branches of the sequence, if there are several: a tree whose branches share the KV cache of their common
/// tokens.
#[component]
pub fn BranchTree(state: State) -> impl IntoView {
    let all = state.branches.all;
    let strip = state.strip;
    let depth = move |run: u32| {
        all.with(|all| {
            let mut depth = 0;
            let mut run = run;
            while let Some(fork) = all
                .iter()
                .find(|branch| branch.run == run)
                .and_then(|branch| branch.from.as_ref())
            {
                depth += 1;
                run = fork.of;
            }
            depth
        })
    };
    view! {
        <Show when=move || all.with(|all| all.len() > 1)>
            <nav class="panel branches" aria-label=t("branches-heading") data-testid="branches">
                <h2 class="branches-title">{t("branches-heading")}</h2>
                <ul class="branches-list">
                    {move || all.get().into_iter().map(|branch| {
                        let run = branch.run;
                        let label = match branch.from {
                            None => t("branches-first").to_owned(),
                            Some(fork) => t!(
                                "branches-fork",
                                token = fork.token,
                                position = fork.position
                            ),
                        };
                        view! {
                            <li style:margin-inline-start=format!("{}rem", depth(run))>
                                <button
                                    type="button"
                                    class="branches-entry"
                                    data-testid="branch"
                                    data-run=run.to_string()
                                    aria-current=move || (strip.run.get() == run).then_some("true")
                                    disabled=move || state.phase.get() == Phase::Generating
                                    on:click=move |_| state.branches.show(run, strip)
                                >
                                    {label}
                                </button>
                            </li>
                        }
                    }).collect_view()}
                </ul>
            </nav>
        </Show>
    }
}
