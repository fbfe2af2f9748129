use leptos::prelude::*;

use crate::i18n::t;
use crate::recording::Recording;
use crate::state::State;

/// The badge of a recording: model, date and machine. Shown as long as the recording is.
#[component]
pub fn RecordingBadge(state: State) -> impl IntoView {
    let recordings = state.recordings;
    view! {
        {move || recordings.failure.get().map(|failure| view! {
            <section class="panel recording-failure" role="alert">
                <p data-testid="recording-error">{failure}</p>
                <button
                    type="button"
                    class="button"
                    data-testid="recording-dismiss"
                    on:click=move |_| recordings.failure.set(None)
                >
                    {t("dismiss")}
                </button>
            </section>
        })}
        {move || recordings.shown.get().map(|recording| view! {
            <section
                class="panel recording-badge"
                aria-label=t("recording-label")
                data-testid="recording-badge"
                data-model=recording.model.name.clone()
                data-machine=recording.adapter.clone()
                data-recorded=recording.recorded.clone()
            >
                <p class="recording-words">
                    <strong class="recording-sign">{t("recording-label")}</strong>
                    " "
                    {words(&recording)}
                </p>
                <div class="button-row">
                    <Show
                        when=move || recordings.playing.get()
                        fallback=move || view! {
                            <button
                                type="button"
                                class="button"
                                data-testid="recording-play"
                                title=t("recording-play-hint")
                                on:click=move |_| recordings.play(state)
                            >
                                <span aria-hidden="true">"▶ "</span>
                                {t("recording-play")}
                            </button>
                        }
                    >
                        <button
                            type="button"
                            class="button"
                            data-testid="recording-hurry"
                            on:click=move |_| recordings.hurry(state)
                        >
                            {t("recording-hurry")}
                        </button>
                    </Show>
                    <button
                        type="button"
                        class="button"
                        data-testid="recording-close"
                        on:click=move |_| recordings.close(state)
                    >
                        {t("recording-close")}
                    </button>
                </div>
            </section>
        })}
    }
}

fn words(recording: &Recording) -> String {
    let model = recording.model.name.as_str();
    let machine = recording.adapter.as_str();
    // The date without the time.
    match recording.recorded.as_deref().and_then(|it| it.get(..10)) {
        Some(day) => t!(
            "recording-words",
            model = model,
            day = day,
            machine = machine
        ),
        None => t!("recording-words-undated", model = model, machine = machine),
    }
}
