//! Puts the components together.

use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::components::announcer::Announcer;
use crate::components::failure_panel::FailurePanel;
use crate::components::footer::Footer;
use crate::components::header::Header;
use crate::components::load_panel::LoadPanel;
use crate::components::output::Output;
use crate::components::prompt_form::PromptForm;
use crate::components::speed::Speed;
use crate::components::token_bars::TokenBars;
use crate::components::token_strip::TokenStrip;
use crate::state::State;
use crate::{dropped, persistence, strings};

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let state = State::new();
    let bridge = Bridge::start(state);

    // A selected prompt token has no distribution until the model is asked for it.
    Effect::new(move |_| {
        if let Some(command) = state.question() {
            bridge.send(&command);
        }
    });

    persistence::learn(state.persistent);
    let dropping = dropped::listen(state, bridge);

    view! {
        <Header state />
        <main class="page">
            <div class="layout-messages">
                <FailurePanel state bridge />
                <LoadPanel state bridge />
            </div>
            <div class="layout">
                <div class="layout-input">
                    <PromptForm state bridge />
                    <Output strip=state.strip />
                </div>
                <div class="layout-stage">
                    <TokenStrip state />
                    <TokenBars state />
                </div>
                <div class="layout-after">
                    <Speed strip=state.strip />
                </div>
            </div>
        </main>
        <Footer state bridge />
        <Announcer announcement=state.announcement />
        <Show when=move || dropping.get()>
            <p class="drop-hint" data-testid="drop-hint">
                {strings::DROP_HINT}
            </p>
        </Show>
    }
}
