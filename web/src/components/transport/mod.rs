use leptos::prelude::*;
use vitrine_protocol::Command;

use crate::bridge::Bridge;
use crate::components::presenter::FreezeBadge;
use crate::i18n::t;
use crate::phase::Phase;
use crate::reactive::memo;
use crate::state::State;
use crate::{format, strings};

/// Runs and stops the model, generates a single token, and moves along the sequence.
#[component]
pub fn Transport(state: State, bridge: Bridge) -> impl IntoView {
    let strip = state.strip;
    let count = memo(move |_| strip.len());
    let shown = memo(move |_| strip.shown());
    let ready = move || state.phase.get() == Phase::Ready;
    let generating = move || state.phase.get() == Phase::Generating;
    let send = move |command: Option<Command>| {
        if let Some(command) = command {
            bridge.send(&command);
        }
    };
    let go = move |position: u32| strip.selected.set(Some(position));
    let at = move || shown.get().unwrap_or(0);
    let last = move || count.get().saturating_sub(1);
    let at_end = move || count.get() == 0 || at() == last();
    view! {
        <section class="transport" aria-label=t("transport-label")>
            <FreezeBadge state />
            <div class="transport-buttons">
                <button
                    type="button"
                    class="button button-primary transport-run"
                    data-testid="run"
                    disabled=move || !ready()
                    on:click=move |_| send(state.generate())
                >
                    <span aria-hidden="true">"▶ "</span>
                    {t("transport-run")}
                </button>
                <button
                    type="button"
                    class="button"
                    data-testid="step"
                    disabled=move || !ready()
                    title=t("transport-step-hint")
                    on:click=move |_| send(state.step())
                >
                    <span aria-hidden="true">"⇥ "</span>
                    {t("transport-step")}
                </button>
                <button
                    type="button"
                    class="button"
                    data-testid="transport-stop"
                    disabled=move || !generating()
                    on:click=move |_| bridge.send(&Command::Stop)
                >
                    <span aria-hidden="true">"■ "</span>
                    {t("stop")}
                </button>
            </div>
            <div class="transport-scrub">
                <button
                    type="button"
                    class="button button-quiet"
                    aria-label=t("transport-back")
                    disabled=move || count.get() == 0 || at() == 0
                    on:click=move |_| go(at().saturating_sub(1))
                >
                    "◀"
                </button>
                <input
                    type="range"
                    class="transport-range"
                    data-testid="scrub"
                    min="0"
                    max=move || last().to_string()
                    step="1"
                    aria-label=t("transport-scrub")
                    disabled=move || count.get() == 0
                    prop:value=move || at().to_string()
                    on:input=move |event| {
                        if let Ok(position) = event_target_value(&event).parse() {
                            go(position);
                        }
                    }
                />
                <button
                    type="button"
                    class="button button-quiet"
                    aria-label=t("transport-forward")
                    disabled=at_end
                    on:click=move |_| go((at() + 1).min(last()))
                >
                    "▶"
                </button>
                <button
                    type="button"
                    class="button button-quiet"
                    data-testid="follow"
                    aria-pressed=move || strip.selected.with(Option::is_none).to_string()
                    disabled=move || count.get() == 0
                    on:click=move |_| strip.selected.set(None)
                >
                    {t("transport-follow")}
                </button>
            </div>
            <p class="transport-now">
                {move || shown.get().map(|position| t!(
                    "transport-position",
                    position = position,
                    last = last()
                ))}
                {move || strip.rate().map(|rate| format!(
                    " · {} {}",
                    format::rate(rate),
                    t("speed-unit")
                ))}
                {move || strip.summary.with(|summary| summary.as_ref().map(|summary| format!(
                    " · {} {}",
                    t("speed-end"),
                    strings::finish_reason(summary.finish_reason)
                )))}
            </p>
        </section>
    }
}
