//! What the stage can show: a folder a panel.

mod attention;
mod batch;
mod cache;
mod interventions;
mod layer_map;
mod lens;
mod lessons;
mod model;
mod next;
mod quantisation;
mod race;
mod residual;
mod rope;
mod sampling;
mod timings;
mod tokens;
mod traced;

use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::state::State;
use crate::view::View;

/// The panel of a view while a recording is shown: what its packets hold. The others need the model
/// itself, and say so.
pub fn recorded(view: View, state: State, bridge: Bridge) -> AnyView {
    match view {
        View::Attention => view! { <attention::RecordedAttention state bridge /> }.into_any(),
        View::Lens => view! { <lens::RecordedLens state /> }.into_any(),
        View::Lessons | View::Next | View::Residual | View::Cache | View::Timings => {
            panel(view, state, bridge)
        }
        _ => view! {
            <section class="panel" data-testid="not-recorded">
                <h2>{view.title()}</h2>
                <p class="note">{t("recorded-missing")}</p>
            </section>
        }
        .into_any(),
    }
}

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
        View::Model => view! { <model::ModelPanel state bridge /> }.into_any(),
        View::Sampling => view! { <sampling::SamplingPanel state bridge /> }.into_any(),
        View::Residual => view! { <residual::ResidualPanel state bridge /> }.into_any(),
        View::Cache => view! { <cache::CachePanel state bridge /> }.into_any(),
        View::Tokens => view! { <tokens::TokensPanel state bridge /> }.into_any(),
        View::Timings => view! { <timings::TimingsPanel state bridge /> }.into_any(),
        View::Race => view! { <race::RacePanel state bridge /> }.into_any(),
        View::Batch => view! { <batch::BatchPanel state bridge /> }.into_any(),
        View::Quantisation => view! { <quantisation::QuantisationPanel state bridge /> }.into_any(),
    }
}
