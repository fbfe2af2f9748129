mod chart;
mod neurons;
mod stream;

use std::sync::Arc;

use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::figure::Figure;
use crate::components::heat_map::{Heat, HeatMap};
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::traced;
use crate::state::State;
use stream::{Part, Stream};

/// The residual stream: how long it is, and what attention and MLPs add to it.
#[component]
pub fn ResidualPanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || {
        let (layers, hidden, ..) = traced::sizes(state)?;
        let floats = u64::from(layers + 1) * u64::from(hidden);
        traced::question(state, &["hidden_states"], floats)
    });
    let stream = Memo::new(move |_| {
        let ids = state.strip.ids();
        inquiry
            .answered
            .with(|answered| Arc::new(Stream::of(state, &ids, answered.as_deref())))
    });
    let part = RwSignal::new(Part::Norm);
    let empty = Memo::new(move |_| state.strip.len() == 0);
    let why = move || {
        if state.loaded.with(Option::is_none) {
            t("needs-model")
        } else {
            t("needs-sequence")
        }
    };
    view! {
        <section class="panel residual" aria-labelledby="residual-heading" data-testid="residual-panel">
            <h2 id="residual-heading">{t("residual-heading")}</h2>
            <p class="hint">{t("residual-note")}</p>
            <AnswerStatus inquiry what=t("residual-asking") />
            <Show when=move || empty.get()>
                <p class="hint">{why}</p>
            </Show>
        </section>
        <Show when=move || !empty.get()>
            <Map state stream part />
            <chart::Chart state stream />
            <neurons::Neurons state stream />
        </Show>
    }
}

/// Layers × positions.
#[component]
fn Map(state: State, stream: Memo<Arc<Stream>>, part: RwSignal<Part>) -> impl IntoView {
    let heat = Signal::derive(move || {
        let layers = traced::sizes(state).map_or(0, |sizes| sizes.0);
        let columns = traced::column_names(state);
        let part = part.get();
        let values = stream.with(|stream| {
            (0..layers)
                .flat_map(|layer| {
                    (0..columns.len() as u32).map(move |position| stream.at(part, layer, position))
                })
                .map(|value| value.unwrap_or(f32::NAN))
                .collect()
        });
        Arc::new(Heat {
            rows: layers,
            columns,
            values,
            log: true,
        })
    });
    let select = move |(layer, position): (u32, u32)| {
        state.selection.layer.set(layer);
        state.strip.selected.set(Some(position));
    };
    let about = move |(layer, position): (u32, u32)| {
        let value = stream.with(|stream| stream.at(part.get(), layer, position));
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
    let table = move || {
        let heat = heat.get();
        view! {
            <table class="numbers">
                <thead>
                    <tr>
                        <th scope="col">{t("residual-layer")}</th>
                        {heat
                            .columns
                            .iter()
                            .map(|name| view! { <th scope="col">{name.clone()}</th> })
                            .collect_view()}
                    </tr>
                </thead>
                <tbody>
                    {(0..heat.rows)
                        .map(|layer| {
                            let cells = (0..heat.columns.len() as u32).map(|position| {
                                let value = heat.at(layer, position);
                                view! { <td>{value.map(|it| format!("{it:.3}"))}</td> }
                            });
                            view! {
                                <tr>
                                    <th scope="row">{layer}</th>
                                    {cells.collect_view()}
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <Figure
            testid="residual-map"
            title=Signal::derive(move || part.get().title().to_owned())
            note=Signal::stored(t("residual-map-note").to_owned())
            table
        >
            <div class="choices" role="group" aria-label=t("residual-parts")>
                {Part::ALL
                    .into_iter()
                    .map(|it| view! {
                        <button
                            type="button"
                            class="button button-quiet"
                            data-testid=it.testid()
                            aria-pressed=move || (part.get() == it).to_string()
                            on:click=move |_| part.set(it)
                        >
                            {it.name()}
                        </button>
                    })
                    .collect_view()}
            </div>
            <HeatMap
                testid="residual-cell"
                label=t("residual-heading")
                axes=(t("residual-layer"), t("residual-position"))
                heat
                at=Signal::derive(move || (state.selection.layer.get(), traced::position(state)))
                select
                about
            />
        </Figure>
    }
}
