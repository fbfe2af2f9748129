mod chart;
mod neurons;
mod stream;

use std::sync::Arc;

use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::choices::Choice;
use crate::components::needs::Needs;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::layer_map::{LayerMap, Words};
use crate::panels::traced;
use crate::reactive::memo;
use crate::state::State;
use stream::{Part, Stream};

/// The residual stream: its norms, and what attention and MLPs add to it.
#[component]
pub fn ResidualPanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || {
        let (layers, hidden, ..) = traced::sizes(state)?;
        let floats = u64::from(layers + 1) * u64::from(hidden);
        traced::question(state, &["hidden_states"], floats)
    });
    let stream = memo(move |_| {
        let ids = state.strip.ids();
        inquiry
            .answered
            .with(|answered| Arc::new(Stream::of(state, &ids, answered.as_deref())))
    });
    let part = RwSignal::new(Part::Norm);
    let empty = memo(move |_| state.strip.len() == 0);
    view! {
        <section class="panel residual" aria-labelledby="residual-heading" data-testid="residual-panel">
            <h2 id="residual-heading">{t("residual-heading")}</h2>
            <p class="hint">{t("residual-note")}</p>
            <AnswerStatus inquiry what=t("residual-asking") />
            <Needs state />
        </section>
        <Show when=move || !empty.get()>
            <Map state stream part />
            <chart::Chart state stream />
            <neurons::Neurons state stream />
        </Show>
    }
}

/// Map over layers and positions.
#[component]
fn Map(state: State, stream: Memo<Arc<Stream>>, part: RwSignal<Part>) -> impl IntoView {
    let value = move |(layer, position): (u32, u32)| {
        stream.with(|stream| stream.at(part.get(), layer, position))
    };
    let about = move |(layer, position): (u32, u32)| {
        let value = value((layer, position));
        let position = traced::position_name(state, position);
        match value {
            Some(value) => t!(
                "residual-about",
                layer = layer,
                position = position,
                part = part.get().name(),
                value = format!("{value:.3}")
            ),
            None => t!("residual-unknown", layer = layer, position = position),
        }
    };
    view! {
        <LayerMap
            state
            words=Words {
                figure: "residual-map",
                cells: ("residual-cells", "residual-cell"),
                note: t("residual-map-note"),
            }
            title=Signal::derive(move || part.get().title().to_owned())
            chosen=part
            value
            log=true
            about
        />
    }
}
