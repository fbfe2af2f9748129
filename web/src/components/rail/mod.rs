use leptos::prelude::*;

use crate::i18n::t;
use crate::state::State;
use crate::view::GROUPS;

/// The list of panels.
#[component]
pub fn Rail(state: State) -> impl IntoView {
    let view = state.selection.view;
    view! {
        <nav class="rail" aria-label=t("rail-label")>
            {GROUPS.iter().map(|group| view! {
                <div class="rail-group">
                    <h2 class="rail-title">{(group.title)()}</h2>
                    <ul class="rail-list">
                        {group.views.iter().copied().map(|entry| view! {
                            <li>
                                <button
                                    type="button"
                                    class="rail-entry"
                                    data-testid="view"
                                    data-view=entry.name()
                                    aria-current=move || (view.get() == entry).then_some("page")
                                    on:click=move |_| view.set(entry)
                                >
                                    {entry.title()}
                                </button>
                            </li>
                        }).collect_view()}
                    </ul>
                </div>
            }).collect_view()}
        </nav>
    }
}
