//! What the stage can show: a folder a panel.

mod attention;
mod interventions;
mod lens;
mod lessons;
mod next;
mod rope;

use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::state::State;
use crate::view::View;

/// The panel of a view.
pub fn panel(view: View, state: State, bridge: Bridge) -> AnyView {
    match view {
        View::Lessons => view! { <lessons::LessonsPanel state /> }.into_any(),
        View::Next => view! { <next::NextPanel state bridge /> }.into_any(),
        View::Attention => view! { <attention::AttentionPanel state bridge /> }.into_any(),
        View::Lens => view! { <lens::LensPanel state bridge /> }.into_any(),
        View::Interventions => {
            view! { <interventions::InterventionsPanel state bridge /> }.into_any()
        }
        View::Rope => view! { <rope::RopePanel state bridge /> }.into_any(),
        _ => view! { <p>"…"</p> }.into_any(),
    }
}
