use leptos::prelude::*;
use vitrine_protocol::GenerateSummary;

use crate::strip::Strip;
use crate::{format, strings};

/// How fast the last run was, as the worker measured it.
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
    let rate = |rate: f64| format!("{} {}", format::rate(rate), strings::SPEED_UNIT);
    let decode = summary
        .decode_tokens_per_s
        .map_or(strings::UNKNOWN.to_owned(), rate);
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
            <h2 id="speed-heading">{strings::SPEED_HEADING}</h2>
            <dl class="figures">
                <dt>{strings::SPEED_DECODE}</dt>
                <dd>{decode}</dd>
                <dt>{strings::SPEED_PREFILL}</dt>
                <dd>{rate(summary.prefill_tokens_per_s)}</dd>
                <dt>{strings::SPEED_FIRST}</dt>
                <dd>{format::seconds(summary.time_to_first_token_s)}</dd>
                <dt>{strings::SPEED_TOKENS}</dt>
                <dd>{format::count(summary.ids.len() as u64)}</dd>
                <dt>{strings::SPEED_END}</dt>
                <dd>{strings::finish_reason(summary.finish_reason)}</dd>
            </dl>
        </section>
    }
}
