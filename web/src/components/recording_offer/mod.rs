use leptos::prelude::*;
use leptos::task::spawn_local;
use vitrine_protocol::{Failure, FailureKind};

use crate::components::recording_tools::OpenFile;
use crate::i18n::t;
use crate::reactive::{effect, memo};
use crate::recording::site_recordings;
use crate::state::State;

/// The offer of recordings, which need neither a model nor WebGPU.
#[component]
pub fn RecordingOffer(state: State) -> impl IntoView {
    let wanted = memo(move |_| !state.phase.get().has_model());
    // Without a GPU nothing else can be shown, so the first recording opens automatically.
    effect(move || {
        let no_gpu = |failure: &Failure| {
            matches!(failure.kind, FailureKind::NoWebGpu | FailureKind::NoAdapter)
        };
        let no_gpu = state.failure.with(|it| it.as_ref().is_some_and(no_gpu));
        let nothing = || !state.recordings.is_shown() && state.strip.len() == 0;
        if no_gpu
            && untrack(nothing)
            && let Some(first) = site_recordings().into_iter().next()
        {
            spawn_local(async move { first.open(state).await });
        }
    });
    view! {
        <Show when=move || wanted.get()>
            <section
                class="panel recording-offer"
                aria-labelledby="recording-offer-heading"
                data-testid="recording-offer"
            >
                <h2 id="recording-offer-heading">{t("recording-offer")}</h2>
                <p class="hint">{t("recording-offer-note")}</p>
                <div class="button-row">
                    {site_recordings()
                        .into_iter()
                        .map(|recording| {
                            let words = recording.prompt.clone();
                            let name = recording.name.clone();
                            let open = move |_| {
                                let recording = recording.clone();
                                spawn_local(async move { recording.open(state).await });
                            };
                            view! {
                                <button
                                    type="button"
                                    class="button"
                                    data-testid="recording"
                                    data-name=name
                                    on:click=open
                                >
                                    <span aria-hidden="true">"▶ "</span>
                                    {words}
                                </button>
                            }
                        })
                        .collect_view()}
                    <OpenFile state />
                </div>
            </section>
        </Show>
    }
}
