//! What the stage can show: a folder a panel.

mod lessons;
mod next;

use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::state::State;
use crate::view::View;

/// The panel of a view.
pub fn panel(view: View, state: State, bridge: Bridge) -> AnyView {
    match view {
        View::Lessons => view! { <lessons::LessonsPanel state /> }.into_any(),
        View::Next => view! { <next::NextPanel state bridge /> }.into_any(),
        _ => view! { <p>"…"</p> }.into_any(),
    }
}
