use leptos::prelude::*;
use vitrine_protocol::{FormatShare, ModelReport, RopeReport};

use super::attention::Groups;
use super::kv_cache::KvCache;
use super::tree::Tree;
use crate::components::number_table::{NumberTable, number, word};
use crate::format;
use crate::i18n::t;
use crate::state::State;

/// The report of a model without running it.
#[component]
pub fn Report(state: State, report: ModelReport, testid: &'static str) -> impl IntoView {
    let bytes: u64 = report.formats.iter().map(|it| it.bytes).sum();
    let tokenizer = report.tokenizer.clone();
    view! {
        <div
            class="model-report"
            data-testid=testid
            data-parameters=report.parameters.to_string()
            data-class=report.class.clone()
        >
            <dl class="facts model-facts">
                <Fact name=t("model-class") value=report.class.clone() />
                <Fact name=t("model-parameters") value=format!(
                    "{} ({})", format::count(report.parameters), format::parameters(report.parameters)
                ) />
                {(bytes > 0).then(|| view! {
                    <Fact name=t("model-file-bytes") value=format::bytes(bytes) />
                })}
                <Fact name=t("model-context") value=t!(
                    "model-tokens", count = format::count(u64::from(report.max_position_embeddings))
                ) />
                {tokenizer.map(|it| view! {
                    <Fact name=t("model-vocabulary")
                        value=t!("model-tokens", count = format::count(u64::from(it.tokens))) />
                })}
            </dl>
            <h3>{t("model-modules")}</h3>
            <p class="hint">{t("model-modules-note")}</p>
            <Tree state root=report.modules.clone() />
            {(!report.formats.is_empty()).then(|| view! { <Formats formats=report.formats.clone() /> })}
            <Groups report=report.attention.clone() />
            <Ropes ropes=report.ropes.clone() />
            <KvCache
                report=report.kv_cache.clone()
                heads=report.attention.heads
                longest=report.max_position_embeddings
            />
        </div>
    }
}

/// A name and a value.
#[component]
pub fn Fact(name: &'static str, value: String) -> impl IntoView {
    view! {
        <div class="fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
        </div>
    }
}

/// Bytes by weight format.
#[component]
fn Formats(formats: Vec<FormatShare>) -> impl IntoView {
    let all: u64 = formats.iter().map(|it| it.bytes).sum();
    let row = move |it: FormatShare| {
        let share = it.bytes as f64 / all.max(1) as f64;
        let bits = 8.0 * it.bytes as f64 / it.weights.max(1) as f64;
        view! {
            <tr data-testid="format-row" data-format=it.format.clone() data-bytes=it.bytes.to_string()>
                <th scope="row" class="word">{it.format.clone()}</th>
                <td>{it.tensors}</td>
                <td>{format::count(it.weights)}</td>
                <td>{format::bytes(it.bytes)}</td>
                <td>{format!("{bits:.2}")}</td>
                <td class="model-share">
                    <span class="model-bar" style:inline-size=format!("{:.2}%", 100.0 * share)></span>
                    {format!("{:.1} %", 100.0 * share)}
                </td>
            </tr>
        }
    };
    view! {
        <h3>{t("model-formats")}</h3>
        <div class="model-scroll" tabindex="0" role="group" aria-label=t("model-formats")>
            <NumberTable
                heads=vec![
                    word(t("model-format")),
                    number(t("model-tensors")),
                    number(t("model-weights")),
                    number(t("model-bytes")),
                    number(t("model-bits")),
                    number(t("model-share")),
                ]
                rows=formats.into_iter().map(row).collect_view()
            />
        </div>
    }
}

/// RoPE of queries and keys.
#[component]
fn Ropes(ropes: Vec<RopeReport>) -> impl IntoView {
    let one = |rope: RopeReport| {
        view! {
            <dl class="facts model-facts">
                <Fact name=t("model-rope-theta") value=rope.theta.to_string() />
                <Fact name=t("model-rope-dim") value=rope.dim.to_string() />
                <Fact name=t("model-rope-scaling") value=rope.scaling />
                <Fact name=t("model-rope-factor") value=format!("{:.4}", rope.attention_factor) />
                <Fact name=t("model-rope-layers") value=format::runs(&rope.layers) />
            </dl>
        }
    };
    let none = ropes.is_empty();
    view! {
        <h3>{t("model-ropes")}</h3>
        {none.then(|| view! { <p>{t("model-rope-none")}</p> })}
        {ropes.into_iter().map(one).collect_view()}
    }
}
