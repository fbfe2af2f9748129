mod ablation;
mod patching;
mod sweep;
mod switches;

use leptos::prelude::*;
use vitrine_protocol::Question;

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::needs::Needs;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::state::State;

/// Number of candidates before and after.
const TOP: u32 = 10;

/// Ablation of heads and layers, and activation patching.
#[component]
pub fn InterventionsPanel(state: State, bridge: Bridge) -> impl IntoView {
    let ablation = Inquiry::new(state, bridge);
    ablation.follow(move || {
        let interventions = state.interventions.get();
        let prompt = state.sequence()?;
        (!interventions.is_empty()).then_some(Question::Ablate {
            prompt,
            interventions,
            top: TOP,
        })
    });
    view! {
        <section class="panel interventions-head" aria-labelledby="interventions-heading">
            <h2 id="interventions-heading">{t("view-interventions")}</h2>
            <p class="hint">{t("interventions-explanation")}</p>
            <Needs state />
            <AnswerStatus inquiry=ablation what=t("asking-pending") />
        </section>
        <switches::Switches state />
        <ablation::Ablation state ablation />
        <sweep::Sweep state bridge />
        <patching::Patching state bridge />
    }
}
