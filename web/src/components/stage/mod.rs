use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::panels;
use crate::reactive::memo;
use crate::state::State;

/// The panel that was chosen.
#[component]
pub fn Stage(state: State, bridge: Bridge) -> impl IntoView {
    let view = state.selection.view;
    let recorded = memo(move |_| state.recordings.is_shown());
    view! {
        <div
            class="stage"
            data-testid="stage"
            data-view=move || view.get().name()
        >
            {move || if recorded.get() {
                panels::recorded(view.get(), state, bridge)
            } else {
                panels::panel(view.get(), state, bridge)
            }}
        </div>
    }
}
