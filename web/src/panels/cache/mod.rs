mod fill;
mod norms;

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{Answer, Question};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::figure::Figure;
use crate::components::heat_map::{Heat, HeatMap};
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::model::kv_cache::KvCache;
use crate::panels::traced;
use crate::state::State;
use norms::{Kind, Norms};

/// Keys and values that are kept: which there are, how long they are, and what they take.
#[component]
pub fn CachePanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || {
        let (layers, hidden, heads, kv_heads) = traced::sizes(state)?;
        // A head is at most so wide in most models; the limit need not be exact.
        let width = u64::from(hidden / heads.max(1));
        let floats = 2 * u64::from(layers) * u64::from(kv_heads) * width;
        traced::question(state, &["k", "v"], floats)
    });
    let report = Inquiry::new(state, bridge);
    report.follow(move || {
        let loaded = state.loaded.with(Option::is_some);
        loaded.then_some(Question::Inspect { context: None })
    });
    let norms = Memo::new(move |_| {
        let ids = state.strip.ids();
        inquiry
            .answered
            .with(|answered| Arc::new(Norms::of(state, &ids, answered.as_deref())))
    });
    let kind = RwSignal::new(Kind::Keys);
    let empty = Memo::new(move |_| state.strip.len() == 0);
    let why = move || {
        if state.loaded.with(Option::is_none) {
            t("needs-model")
        } else {
            t("needs-sequence")
        }
    };
    view! {
        <section class="panel cache" aria-labelledby="cache-heading" data-testid="cache-panel">
            <h2 id="cache-heading">{t("cache-heading")}</h2>
            <p class="hint">{t("cache-note")}</p>
            <fill::Fill state />
            <AnswerStatus inquiry what=t("cache-asking") />
            <Show when=move || empty.get()>
                <p class="hint">{why}</p>
            </Show>
        </section>
        <Show when=move || !empty.get()>
            <Map state norms kind />
        </Show>
        <section class="panel cache">
            {move || report.answered.with(|answered| match &answered.as_deref()?.answer {
                Answer::Inspect(report) => Some(view! {
                    <KvCache
                        report=report.kv_cache.clone()
                        heads=report.attention.heads
                        longest=report.max_position_embeddings
                    />
                }),
                _ => None,
            })}
        </section>
    }
}

/// Layers × positions, of the key head that the selected head reads.
#[component]
fn Map(state: State, norms: Memo<Arc<Norms>>, kind: RwSignal<Kind>) -> impl IntoView {
    let kv_head = Memo::new(move |_| {
        let (_, _, heads, kv_heads) = traced::sizes(state).unwrap_or((0, 0, 1, 1));
        let group = (heads / kv_heads.max(1)).max(1);
        (state.selection.head.get() / group).min(kv_heads.saturating_sub(1))
    });
    let heat = Signal::derive(move || {
        let layers = traced::sizes(state).map_or(0, |sizes| sizes.0);
        let columns = traced::column_names(state);
        let (kind, head) = (kind.get(), kv_head.get());
        let values = norms.with(|norms| {
            (0..layers)
                .flat_map(|layer| {
                    (0..columns.len() as u32)
                        .map(move |position| norms.at(kind, layer, head, position))
                })
                .map(|value| value.unwrap_or(f32::NAN))
                .collect()
        });
        Arc::new(Heat {
            rows: layers,
            columns,
            values,
            log: false,
        })
    });
    let select = move |(layer, position): (u32, u32)| {
        state.selection.layer.set(layer);
        state.strip.selected.set(Some(position));
    };
    let about = move |(layer, position): (u32, u32)| {
        let value = norms.with(|it| it.at(kind.get(), layer, kv_head.get(), position));
        let position = traced::position_name(state, position);
        match value {
            Some(value) => t!(
                "cache-about",
                layer = layer,
                head = kv_head.get(),
                position = position,
                kind = kind.get().name(),
                value = format!("{value:.3}")
            ),
            None => t!("cache-unknown", layer = layer, position = position),
        }
    };
    let table = move || {
        let heat = heat.get();
        let head = heat
            .columns
            .iter()
            .map(|name| view! { <th scope="col">{name.clone()}</th> })
            .collect_view();
        let rows = (0..heat.rows).map(|layer| {
            let cells = (0..heat.columns.len() as u32)
                .map(|position| {
                    let value = heat.at(layer, position);
                    view! { <td>{value.map(|it| format!("{it:.3}"))}</td> }
                })
                .collect_view();
            view! {
                <tr>
                    <th scope="row">{layer}</th>
                    {cells}
                </tr>
            }
        });
        view! {
            <table class="numbers">
                <thead>
                    <tr>
                        <th scope="col">{t("residual-layer")}</th>
                        {head}
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <Figure
            testid="cache-map"
            title=Signal::derive(move || {
                t!("cache-map", kind = kind.get().name(), head = kv_head.get())
            })
            note=Signal::stored(t("cache-map-note").to_owned())
            table
        >
            <div class="choices" role="group" aria-label=t("residual-parts")>
                {Kind::ALL
                    .into_iter()
                    .map(|it| view! {
                        <button
                            type="button"
                            class="button button-quiet"
                            data-testid=it.testid()
                            aria-pressed=move || (kind.get() == it).to_string()
                            on:click=move |_| kind.set(it)
                        >
                            {it.name()}
                        </button>
                    })
                    .collect_view()}
            </div>
            <HeatMap
                testid="cache-cell"
                label=t("cache-heading")
                axes=(t("residual-layer"), t("residual-position"))
                heat
                at=Signal::derive(move || (state.selection.layer.get(), traced::position(state)))
                select
                about
            />
        </Figure>
    }
}
