use leptos::prelude::*;

use crate::components::draw_settings::DrawSettings;
use crate::components::number_slider::NumberSlider;
use crate::i18n::t;
use crate::state::State;

/// The sampling parameters of transformers. Changes apply to a running generation.
#[component]
pub fn SettingsPanel(state: State) -> impl IntoView {
    let settings = state.settings.sampling;
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
                <DrawSettings state prefix="" />
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
