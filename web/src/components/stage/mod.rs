use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::panels::{self, Fetched};
use crate::reactive::memo;
use crate::state::State;

/// The selected panel.
#[component]
pub fn Stage(state: State, bridge: Bridge) -> impl IntoView {
    let view = state.selection.view;
    let recorded = memo(move |_| state.recordings.is_shown());
    let fetched = Fetched::when(move || !panels::is_here(view.get()));
    view! {
        <div
            class="stage"
            data-testid="stage"
            data-view=move || view.get().name()
        >
            {move || {
                // Another panel, or the same panel of a recording.
                recorded.track();
                let view = view.get();
                panels::here(view, state, bridge)
                    .unwrap_or_else(|| fetched.panel(view, state, bridge))
            }}
        </div>
    }
}
