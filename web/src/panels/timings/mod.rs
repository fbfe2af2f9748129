mod bench;
mod stages;
mod steps;
mod tuning;

use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::components::speed::Speed;
use crate::i18n::t;
use crate::state::State;

/// The time of each token of the last run, and the benchmark of this GPU.
#[component]
pub fn TimingsPanel(state: State, bridge: Bridge) -> impl IntoView {
    view! {
        <section class="panel timings" aria-labelledby="timings-heading" data-testid="timings-panel">
            <h2 id="timings-heading">{t("timings-heading")}</h2>
            <p class="hint">
                {move || if state.recordings.is_shown() {
                    t("recorded-timings")
                } else {
                    t("timings-note")
                }}
            </p>
        </section>
        <steps::Steps state />
        <stages::Stages state />
        <Speed strip=state.strip />
        <bench::Bench state bridge />
        <tuning::Tuning state bridge />
    }
}
