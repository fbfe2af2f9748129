//! The root component: state, worker and layout.

use leptos::prelude::*;
use vitrine_protocol::{Answer, Command};

use crate::bridge::Bridge;
use crate::components::announcer::Announcer;
use crate::components::failure_panel::FailurePanel;
use crate::components::footer::Footer;
use crate::components::header::Header;
use crate::components::inspector::Inspector;
use crate::components::lesson_card::LessonCard;
use crate::components::load_panel::LoadPanel;
use crate::components::offline_note::UpdateNote;
use crate::components::presenter::Freeze;
use crate::components::prompt_form::PromptForm;
use crate::components::rail::Rail;
use crate::components::recording_badge::RecordingBadge;
use crate::components::recording_offer::RecordingOffer;
use crate::components::stage::Stage;
use crate::components::token_strip::TokenStrip;
use crate::components::transport::Transport;
use crate::i18n::{self, t};
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::reactive::effect;
use crate::state::State;
use crate::{address, dropped, persistence};

/// State, worker and address, which outlive a change of language; the views are rebuilt.
#[component]
pub fn Root() -> impl IntoView {
    let state = State::new();
    i18n::speak(state.settings.language.get_untracked());
    address::bind(state);
    let bridge = Bridge::start(state);

    // A selected prompt token has no distribution until it is computed.
    effect(move || {
        if let Some(command) = state.question() {
            bridge.send(&command);
        }
    });
    // The surprisal of each prompt token, computed when the worker is idle.
    let positions = Inquiry::new(state, bridge);
    positions.follow(move || state.unmeasured_prompt());
    effect(move || {
        positions.answered.with(|answered| {
            if let Some(Answer::Positions { positions }) =
                answered.as_ref().map(|answered| &answered.answer)
            {
                untrack(|| state.strip.set_positions(positions));
            }
        });
    });
    // Sampling parameters can change during a generation.
    Effect::new(move |before: Option<_>| {
        let params = state.settings.sampling.params();
        let changed = before.is_some_and(|before| before != params);
        if changed && state.phase.get_untracked() == Phase::Generating {
            bridge.send(&Command::SetSampling {
                params: params.clone(),
            });
        }
        params
    });
    persistence::learn(state.persistent);
    let dropping = dropped::listen(state, bridge);

    move || {
        i18n::speak(state.settings.language.get());
        view! { <App state bridge dropping /> }
    }
}

/// The whole page.
#[component]
fn App(state: State, bridge: Bridge, dropping: RwSignal<bool>) -> impl IntoView {
    view! {
        <a class="skip" href="#stage">{t("skip-to-stage")}</a>
        <Header state />
        <div class="shell">
            <Rail state />
            <main class="centre">
                <div class="layout-messages">
                    <UpdateNote state />
                    <FailurePanel state bridge />
                    <RecordingBadge state />
                    <LoadPanel state bridge />
                    <RecordingOffer state />
                </div>
                <PromptForm state bridge />
                <Freeze state>
                    <TokenStrip state />
                    <LessonCard state bridge />
                    <div id="stage" class="stage-place" tabindex="-1">
                        <Stage state bridge />
                    </div>
                </Freeze>
                <Footer state bridge />
            </main>
            <Inspector state />
        </div>
        <Transport state bridge />
        <Announcer announcement=state.announcement />
        <Show when=move || dropping.get()>
            <p class="drop-hint" data-testid="drop-hint">
                {t("drop-hint")}
            </p>
        </Show>
    }
}
