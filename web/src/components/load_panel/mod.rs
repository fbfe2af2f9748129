mod diagram;
mod parts;

use diagram::Diagram;
use leptos::prelude::*;
use vitrine_protocol::{Command, LoadPhase, ModelSource, Progress};

use crate::bridge::Bridge;
use crate::components::linked_model::LinkedModel;
use crate::components::model_picker::ModelPicker;
use crate::i18n::t;
use crate::phase::Phase;
use crate::reactive::memo;
use crate::state::State;
use crate::strings;

/// The model chooser, and the progress of loading.
#[component]
pub fn LoadPanel(state: State, bridge: Bridge) -> impl IntoView {
    let picks =
        memo(move |_| state.can_load() && (!state.phase.get().has_model() || state.picking.get()));
    let not_kept = move || {
        state.phase.get().has_model()
            && state.loaded.with(|loaded| {
                let of_here =
                    |it: &ModelSource| matches!(it, ModelSource::Local { keep: false, .. });
                loaded
                    .as_ref()
                    .is_some_and(|it| !it.kept && !it.source.as_ref().is_some_and(of_here))
            })
    };
    view! {
        <Show when=move || state.phase.get() == Phase::Starting>
            <p class="panel load-starting">{t("load-starting")}</p>
        </Show>
        <Show when=move || state.phase.get() == Phase::Loading>
            <Loading state bridge />
        </Show>
        <LinkedModel state bridge />
        <Show when=move || picks.get()>
            <ModelPicker state bridge />
        </Show>
        <Show when=not_kept>
            <p class="note" data-testid="not-kept">
                {t("not-kept")}
            </p>
        </Show>
    }
}

/// Progress of loading.
#[component]
fn Loading(state: State, bridge: Bridge) -> impl IntoView {
    let progress = state.progress;
    let with = move |text: fn(&Progress) -> String| {
        move || progress.with(|progress| progress.as_ref().map(text))
    };
    let value = move || progress.with(|it| it.as_ref().map(|it| it.done.to_string()));
    let max = move || progress.with(|it| it.as_ref().map_or(1, |it| it.total.max(1)).to_string());
    let current = memo(move |_| progress.with(|it| it.as_ref().map(|it| it.phase)));
    let wanted = state.wanted.get_untracked();
    let heading = wanted.as_ref().map_or_else(
        || t("loading-heading").to_owned(),
        |source| strings::loading_heading(&source_name(source)),
    );
    view! {
        <section class="panel load" data-testid="load-panel">
            <h2 id="loading-heading">{heading}</h2>
            <ol class="load-phases">
                {phases(wanted.as_ref())
                    .into_iter()
                    .map(|phase| {
                        let step = move || {
                            if current.get() == Some(phase) { Some("step") } else { None }
                        };
                        view! { <li aria-current=step>{strings::load_phase(phase)}</li> }
                    })
                    .collect_view()}
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
                    fallback=|| view! { <span>{t("loading-begin")}</span> }
                >
                    <span>{with(|it| strings::load_done(it.phase, it.done, it.total))}</span>
                    <span>{with(|it| strings::load_rate(it.phase, it.per_second))}</span>
                    <span>
                        {with(|it| it.seconds_left.map(strings::time_left).unwrap_or_default())}
                    </span>
                    <span data-testid="shards">
                        {with(|it| it.shards.map(strings::shards).unwrap_or_default())}
                    </span>
                </Show>
            </p>
            <Show when=move || state.tensors.with(|it| !it.is_empty())>
                <Diagram state />
            </Show>
            <div class="button-row">
                <button
                    type="button"
                    class="button"
                    data-testid="cancel"
                    on:click=move |_| bridge.send(&Command::CancelLoad)
                >
                    {t("cancel")}
                </button>
            </div>
        </section>
    }
}

/// The phases of loading a model from this source, in order.
fn phases(source: Option<&ModelSource>) -> Vec<LoadPhase> {
    let first = match source {
        Some(ModelSource::Local { keep: true, .. }) => Some(LoadPhase::Keep),
        Some(ModelSource::Local { .. } | ModelSource::Kept { .. }) => None,
        _ => Some(LoadPhase::Download),
    };
    first
        .into_iter()
        .chain([LoadPhase::Upload, LoadPhase::Compile])
        .collect()
}

fn source_name(source: &ModelSource) -> String {
    match source {
        ModelSource::Site { name, .. }
        | ModelSource::Local { name, .. }
        | ModelSource::Kept { name } => name.clone(),
        ModelSource::Hub { id, .. } => id.clone(),
    }
}
