use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::components::branch_tree::BranchTree;
use crate::components::output::Output;
use crate::components::recording_tools::RecordingTools;
use crate::components::speed::Speed;
use crate::components::token_bars::TokenBars;
use crate::state::State;

/// The text and the candidates of each token.
#[component]
pub fn NextPanel(state: State, bridge: Bridge) -> impl IntoView {
    view! {
        <BranchTree state />
        <Output strip=state.strip />
        <TokenBars state bridge />
        <Speed strip=state.strip />
        <RecordingTools state />
    }
}
