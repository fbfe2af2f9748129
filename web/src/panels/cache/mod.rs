mod fill;
mod norms;

use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{Answer, Question};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::choices::Choice;
use crate::components::needs::Needs;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::layer_map::{LayerMap, Words};
use crate::panels::model::kv_cache::KvCache;
use crate::panels::traced;
use crate::reactive::memo;
use crate::state::State;
use norms::{Kind, Norms};

/// The KV cache: norms of keys and values, and its memory.
#[component]
pub fn CachePanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || {
        let (layers, hidden, heads, kv_heads) = traced::sizes(state)?;
        // The head size of most models; the limit need not be exact.
        let width = u64::from(hidden / heads.max(1));
        let floats = 2 * u64::from(layers) * u64::from(kv_heads) * width;
        traced::question(state, &["k", "v"], floats)
    });
    let report = Inquiry::new(state, bridge);
    report.follow(move || {
        let loaded = state.loaded.with(Option::is_some);
        loaded.then_some(Question::Inspect { context: None })
    });
    let norms = memo(move |_| {
        let ids = state.strip.ids();
        inquiry
            .answered
            .with(|answered| Arc::new(Norms::of(state, &ids, answered.as_deref())))
    });
    let kind = RwSignal::new(Kind::Keys);
    let empty = memo(move |_| state.strip.len() == 0);
    view! {
        <section class="panel cache" aria-labelledby="cache-heading" data-testid="cache-panel">
            <h2 id="cache-heading">{t("cache-heading")}</h2>
            <p class="hint">{t("cache-note")}</p>
            <fill::Fill state />
            <AnswerStatus inquiry what=t("cache-asking") />
            <Needs state />
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

/// Map over layers and positions, for the key head that the selected head reads.
#[component]
fn Map(state: State, norms: Memo<Arc<Norms>>, kind: RwSignal<Kind>) -> impl IntoView {
    let kv_head = memo(move |_| {
        let (_, _, heads, kv_heads) = traced::sizes(state).unwrap_or((0, 0, 1, 1));
        let group = (heads / kv_heads.max(1)).max(1);
        (state.selection.head.get() / group).min(kv_heads.saturating_sub(1))
    });
    let value = move |(layer, position): (u32, u32)| {
        norms.with(|norms| norms.at(kind.get(), layer, kv_head.get(), position))
    };
    let about = move |(layer, position): (u32, u32)| {
        let value = value((layer, position));
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
    view! {
        <LayerMap
            state
            words=Words {
                figure: "cache-map",
                cells: ("cache-cells", "cache-cell"),
                note: t("cache-map-note"),
            }
            title=Signal::derive(move || {
                t!("cache-map", kind = kind.get().name(), head = kv_head.get())
            })
            chosen=kind
            value
            log=false
            about
        />
    }
}
