use leptos::prelude::*;

use crate::components::number_slider::NumberSlider;
use crate::i18n::t;
use crate::state::State;

/// How tokens are chosen: transformers' settings, changeable while a generation runs.
#[component]
pub fn SettingsPanel(state: State) -> impl IntoView {
    let settings = state.settings.sampling;
    let greedy = Signal::derive(move || !settings.do_sample.get());
    view! {
        <details class="settings" data-testid="sampling-settings">
            <summary class="settings-summary">
                <span>{t("settings-heading")}</span>
                <span class="settings-now">
                    {move || {
                        if settings.do_sample.get() {
                            t!(
                                "settings-sampled",
                                temperature = settings.temperature.get(),
                                top_k = settings.top_k.get(),
                                top_p = settings.top_p.get(),
                                seed = settings.seed.get().to_string(),
                            )
                        } else {
                            t("settings-greedy").to_owned()
                        }
                    }}
                </span>
            </summary>
            <div class="settings-body">
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="do-sample"
                        prop:checked=move || settings.do_sample.get()
                        on:change=move |event| settings.do_sample.set(event_target_checked(&event))
                    />
                    <span>{t("settings-do-sample")}</span>
                </label>
                <NumberSlider id="temperature" label=t("settings-temperature") value=settings.temperature
                    min=0.0 max=3.0 step=0.05 disabled=greedy />
                <NumberSlider id="top-k" label=t("settings-top-k") value=settings.top_k
                    min=0.0 max=200.0 step=1.0 hint=t("settings-top-k-hint") disabled=greedy />
                <NumberSlider id="top-p" label=t("settings-top-p") value=settings.top_p
                    min=0.0 max=1.0 step=0.01 disabled=greedy />
                <NumberSlider id="min-p" label=t("settings-min-p") value=settings.min_p
                    min=0.0 max=1.0 step=0.01 disabled=greedy />
                <NumberSlider id="seed" label=t("settings-seed") value=settings.seed
                    min=0.0 max=1_000_000.0 step=1.0 disabled=greedy />
                <NumberSlider id="repetition-penalty" label=t("settings-repetition-penalty")
                    value=settings.repetition_penalty min=0.5 max=2.0 step=0.05 />
                <NumberSlider id="presence-penalty" label=t("settings-presence-penalty")
                    value=settings.presence_penalty min=-2.0 max=2.0 step=0.1 />
                <NumberSlider id="frequency-penalty" label=t("settings-frequency-penalty")
                    value=settings.frequency_penalty min=-2.0 max=2.0 step=0.1 />
            </div>
        </details>
    }
}
