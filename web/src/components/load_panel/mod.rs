use leptos::prelude::*;
use vitrine_protocol::{LoadPhase, ModelEntry, Progress};

use crate::bridge::Bridge;
use crate::phase::Phase;
use crate::state::State;
use crate::strings;

/// The stages of loading, in order.
const PHASES: [LoadPhase; 3] = [LoadPhase::Download, LoadPhase::Upload, LoadPhase::Compile];

/// Before there is a model: which there are, and how far the chosen one is on its way.
#[component]
pub fn LoadPanel(state: State, bridge: Bridge) -> impl IntoView {
    let not_kept = move || {
        state.phase.get().has_model()
            && state
                .loaded
                .with(|loaded| loaded.as_ref().is_some_and(|it| !it.kept))
    };
    view! {
        {move || match state.phase.get() {
            Phase::Starting => {
                view! { <p class="panel load-starting">{strings::LOAD_STARTING}</p> }.into_any()
            }
            Phase::NoModel => view! { <Choice state bridge /> }.into_any(),
            Phase::Loading => view! { <Loading state /> }.into_any(),
            Phase::Ready | Phase::Generating | Phase::Failed => ().into_any(),
        }}
        <Show when=not_kept>
            <p class="note" data-testid="not-kept">
                {strings::NOT_KEPT}
            </p>
        </Show>
    }
}

/// The models to choose from. A download waits for the reader.
#[component]
fn Choice(state: State, bridge: Bridge) -> impl IntoView {
    let models = state.models.get_untracked().unwrap_or_default();
    let none = models.is_empty();
    let buttons = models
        .into_iter()
        .map(|ModelEntry { source, bytes, .. }| {
            let label = strings::load_button(&source.name, bytes);
            let name = source.name.clone();
            view! {
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="load"
                    data-model=name
                    on:click=move |_| bridge.send(&state.load(source.clone()))
                >
                    {label}
                </button>
            }
        })
        .collect_view();
    view! {
        <section class="panel load" data-testid="load-panel">
            <h2>{strings::LOAD_HEADING}</h2>
            <p>{if none { strings::LOAD_NONE } else { strings::LOAD_EXPLANATION }}</p>
            <div class="button-row">{buttons}</div>
        </section>
    }
}

/// How far the model is on its way.
#[component]
fn Loading(state: State) -> impl IntoView {
    let progress = state.progress;
    let with = move |text: fn(&Progress) -> String| {
        move || progress.with(|progress| progress.as_ref().map(text))
    };
    let value = move || progress.with(|it| it.as_ref().map(|it| it.done.to_string()));
    let max = move || progress.with(|it| it.as_ref().map_or(1, |it| it.total.max(1)).to_string());
    let current = Memo::new(move |_| progress.with(|it| it.as_ref().map(|it| it.phase)));
    view! {
        <section class="panel load" data-testid="load-panel">
            <h2 id="loading-heading">{strings::LOADING_HEADING}</h2>
            <ol class="load-phases">
                {PHASES.map(|phase| {
                    let step = move || if current.get() == Some(phase) { Some("step") } else { None };
                    view! { <li aria-current=step>{strings::load_phase(phase)}</li> }
                })}
            </ol>
            <progress
                class="load-progress"
                aria-labelledby="loading-heading"
                data-testid="progress"
                value=value
                max=max
            ></progress>
            <p class="load-numbers" data-testid="progress-text">
                <Show
                    when=move || progress.with(Option::is_some)
                    fallback=|| view! { <span>{strings::LOADING_BEGIN}</span> }
                >
                    <span>{with(|it| strings::load_done(it.phase, it.done, it.total))}</span>
                    <span>{with(|it| strings::load_rate(it.phase, it.per_second))}</span>
                    <span>
                        {with(|it| it.seconds_left.map(strings::time_left).unwrap_or_default())}
                    </span>
                </Show>
            </p>
        </section>
    }
}
