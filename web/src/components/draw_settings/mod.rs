use leptos::prelude::*;

use crate::components::number_slider::NumberSlider;
use crate::i18n::t;
use crate::state::State;

/// The sampling settings, which appear twice in the page.
#[component]
pub fn DrawSettings(
    state: State,
    /// Prefix of the ids of its elements.
    prefix: &'static str,
) -> impl IntoView {
    let settings = state.settings.sampling;
    let greedy = Signal::derive(move || !settings.do_sample.get());
    let id = move |name: &str| format!("{prefix}{name}");
    view! {
        <label class="check">
            <input
                type="checkbox"
                data-testid=id("do-sample")
                prop:checked=move || settings.do_sample.get()
                on:change=move |event| settings.do_sample.set(event_target_checked(&event))
            />
            <span>{t("settings-do-sample")}</span>
        </label>
        <NumberSlider id=id("temperature") label=t("settings-temperature")
            value=settings.temperature min=0.0 max=3.0 step=0.05 disabled=greedy />
        <NumberSlider id=id("top-k") label=t("settings-top-k") value=settings.top_k
            min=0.0 max=200.0 step=1.0 hint=t("settings-top-k-hint") disabled=greedy />
        <NumberSlider id=id("top-p") label=t("settings-top-p") value=settings.top_p
            min=0.0 max=1.0 step=0.01 disabled=greedy />
        <NumberSlider id=id("min-p") label=t("settings-min-p") value=settings.min_p
            min=0.0 max=1.0 step=0.01 disabled=greedy />
        <NumberSlider id=id("seed") label=t("settings-seed") value=settings.seed
            min=0.0 max=1_000_000.0 step=1.0 disabled=greedy />
    }
}
