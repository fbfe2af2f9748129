//! The panels of the stage, one folder each.

mod attention;
mod batch;
mod cache;
mod fetched;
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

pub use fetched::Fetched;
use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::state::State;
use crate::view::View;

/// Whether a view's panel is in the page's first part; the others are [`Fetched`].
pub fn is_here(view: View) -> bool {
    matches!(view, View::Lessons | View::Next)
}

/// A panel that [`is_here`].
pub fn here(view: View, state: State, bridge: Bridge) -> Option<AnyView> {
    match view {
        View::Lessons => Some(view! { <lessons::LessonsPanel state /> }.into_any()),
        View::Next => Some(view! { <next::NextPanel state bridge /> }.into_any()),
        _ => None,
    }
}

/// The panel of a view while a recording is shown. Panels that need the model say so.
fn of_recording(view: View, state: State, bridge: Bridge) -> AnyView {
    match view {
        View::Attention => view! { <attention::RecordedAttention state bridge /> }.into_any(),
        View::Lens => view! { <lens::RecordedLens state /> }.into_any(),
        View::Residual | View::Cache | View::Timings => of_model(view, state, bridge),
        _ => view! {
            <section class="panel" data-testid="not-recorded">
                <h2>{view.title()}</h2>
                <p class="note">{t("recorded-missing")}</p>
            </section>
        }
        .into_any(),
    }
}

fn of_model(view: View, state: State, bridge: Bridge) -> AnyView {
    match view {
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
        View::Lessons | View::Next => ().into_any(),
    }
}
