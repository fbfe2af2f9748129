use leptos::prelude::*;
use vitrine_protocol::KvCacheReport;

use crate::components::number_slider::NumberSlider;
use crate::components::number_table::{NumberTable, number, word};
use crate::format;
use crate::i18n::t;

/// Bytes of keys and values: the formula with its numbers, for a chosen context length and number of key heads.
#[component]
pub fn KvCache(report: KvCacheReport, heads: u32, longest: u32) -> impl IntoView {
    let context = RwSignal::new(f64::from(report.context));
    let choices = divisors(heads, report.kv_heads);
    let kv_heads = RwSignal::new(report.kv_heads);
    let own = report.kv_heads;
    let per_token = {
        let report = report.clone();
        move |kv_heads: u32| {
            let head = u64::from(report.head_dim) * report.value_bytes + report.scale_bytes;
            2 * u64::from(report.layers) * u64::from(kv_heads) * head
        }
    };
    let formula = {
        let report = report.clone();
        // The bytes of scales are included.
        let scale = report.scale_bytes as f64 / f64::from(report.head_dim);
        let bytes = report.value_bytes as f64 + scale;
        move || {
            t!(
                "model-kv-formula",
                layers = report.layers,
                kv_heads = kv_heads.get(),
                head_dim = report.head_dim,
                bytes = bytes,
                per_token = format::count(per_token(kv_heads.get()))
            )
        }
    };
    let total = { move || per_token(kv_heads.get()) * context.get() as u64 };
    let total_words = {
        move || {
            t!(
                "model-kv-total",
                tokens = format::count(context.get() as u64),
                total = format::bytes(total())
            )
        }
    };
    let whatever = move || {
        if kv_heads.get() == own {
            t("model-kv-own").to_owned()
        } else {
            t!("model-kv-what-if", own = own)
        }
    };
    let rows = choices.clone().into_iter().map(move |count| {
        let per_token = per_token(count);
        let kind = match count {
            1 => "MQA",
            _ if count == heads => "MHA",
            _ => "GQA",
        };
        view! {
            <tr class:model-own=count == own>
                <th scope="row">{count}</th>
                <td class="word">
                    {kind} {(count == own).then(|| format!(" · {}", t("model-this-one")))}
                </td>
                <td>{format::count(per_token)}</td>
                <td>{move || format::bytes(per_token * context.get() as u64)}</td>
            </tr>
        }
    });
    view! {
        <h3>{t("model-kv-heading")}</h3>
        <p class="model-formula" data-testid="kv-formula">{formula}</p>
        <p class="model-formula" data-testid="kv-total" data-bytes=move || total().to_string()>
            {total_words}
        </p>
        <p class="hint">{whatever}</p>
        <NumberSlider id="kv-context" label=t("model-kv-context") value=context
            min=1.0 max=f64::from(longest) step=1.0 />
        <label class="model-choice">
            <span class="slider-label">"num_key_value_heads"</span>
            <select
                class="select"
                data-testid="kv-heads"
                on:change=move |event| {
                    if let Ok(count) = event_target_value(&event).parse() {
                        kv_heads.set(count);
                    }
                }
            >
                {choices
                    .into_iter()
                    .map(|count| view! {
                        <option value=count.to_string() selected=count == own>{count}</option>
                    })
                    .collect_view()}
            </select>
        </label>
        <div class="model-scroll" tabindex="0" role="group" aria-label=t("model-kv-heading")>
            <NumberTable
                heads=vec![
                    number(t("model-kv-heads")),
                    word(t("model-kind")),
                    number(t("model-kv-per-token")),
                    number(t("model-kv-all")),
                ]
                rows=rows.collect_view()
            />
        </div>
    }
}

/// All divisors of the number of query heads, and the model's own number of key heads.
fn divisors(heads: u32, own: u32) -> Vec<u32> {
    let fits = |count: &u32| heads.is_multiple_of(*count) || *count == own;
    (1..=heads.max(own)).filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::divisors;

    #[test]
    fn groups_are_whole() {
        assert_eq!(divisors(9, 3), [1, 3, 9]);
        assert_eq!(divisors(32, 32), [1, 2, 4, 8, 16, 32]);
        assert_eq!(divisors(0, 1), [1]);
    }
}
