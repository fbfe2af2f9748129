use leptos::prelude::*;
use vitrine_protocol::GenerateSummary;

use crate::i18n::t;
use crate::strip::Strip;
use crate::{format, strings};

/// The speed of the last run, measured by the worker.
#[component]
pub fn Speed(strip: Strip) -> impl IntoView {
    move || {
        strip
            .summary
            .get()
            .map(|summary| view! { <Figures summary /> })
    }
}

#[component]
fn Figures(summary: GenerateSummary) -> impl IntoView {
    let rate = |rate: f64| format!("{} {}", format::rate(rate), t("speed-unit"));
    let decode = summary
        .decode_tokens_per_s
        .map_or(t("unknown").to_owned(), rate);
    let exact = summary.decode_tokens_per_s.map(|rate| rate.to_string());
    view! {
        <section
            class="panel speed"
            aria-labelledby="speed-heading"
            data-testid="speed"
            data-decode=exact
            data-prefill=summary.prefill_tokens_per_s.to_string()
            data-first=summary.time_to_first_token_s.to_string()
            data-finish=format!("{:?}", summary.finish_reason).to_lowercase()
        >
            <h2 id="speed-heading">{t("speed-heading")}</h2>
            <dl class="figures">
                <dt>{t("speed-decode")}</dt>
                <dd>{decode}</dd>
                <dt>{t("speed-prefill")}</dt>
                <dd>{rate(summary.prefill_tokens_per_s)}</dd>
                <dt>{t("speed-first")}</dt>
                <dd>{format::seconds(summary.time_to_first_token_s)}</dd>
                <dt>{t("speed-tokens")}</dt>
                <dd>{format::count(summary.ids.len() as u64)}</dd>
                <dt>{t("speed-end")}</dt>
                <dd>{strings::finish_reason(summary.finish_reason)}</dd>
            </dl>
        </section>
    }
}
