use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{Event, HtmlInputElement};

use crate::draw::export::save_text;
use crate::i18n::t;
use crate::phase::Phase;
use crate::reactive::memo;
use crate::recording::{Recording, of_strip};
use crate::state::State;

/// Saves the generation on the strip, and opens saved ones.
#[component]
pub fn RecordingTools(state: State) -> impl IntoView {
    let nothing = memo(move |_| {
        state.phase.get() == Phase::Generating || state.strip.summary.with(Option::is_none)
    });
    let everything = state.recordings.everything;
    let save = move |kind: &'static str, name: &'static str, text: fn(&Recording) -> String| {
        if let Some(recording) = untrack(|| of_strip(state)) {
            save_text(&text(&recording), kind, name);
        }
    };
    view! {
        <section class="panel recording-tools" aria-labelledby="recording-tools-heading">
            <h2 id="recording-tools-heading">{t("recording-tools")}</h2>
            <div class="button-row">
                <button
                    type="button"
                    class="button"
                    data-testid="save-trace"
                    disabled=move || nothing.get()
                    on:click=move |_| save(
                        "application/jsonl",
                        "vitrine-trace.jsonl",
                        Recording::lines,
                    )
                >
                    {t("recording-save")}
                </button>
                <button
                    type="button"
                    class="button"
                    data-testid="save-json"
                    disabled=move || nothing.get()
                    on:click=move |_| save("application/json", "vitrine-generation.json", json)
                >
                    {t("recording-save-json")}
                </button>
                <OpenFile state />
            </div>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="record-everything"
                    aria-describedby="recording-everything-hint"
                    prop:checked=move || everything.get()
                    on:change=move |event| everything.set(event_target_checked(&event))
                />
                <span>{t("recording-everything")}</span>
            </label>
            <p id="recording-everything-hint" class="hint">{t("recording-everything-hint")}</p>
        </section>
    }
}

fn json(recording: &Recording) -> String {
    // Serialising these types cannot fail.
    serde_json::to_string_pretty(recording).unwrap_or_default()
}

/// The button that opens a recording file.
#[component]
pub fn OpenFile(state: State) -> impl IntoView {
    let on_pick = move |event: Event| {
        let input: HtmlInputElement = event_target(&event);
        let file = input.files().and_then(|files| files.get(0));
        // Otherwise picking the same file again would not fire a `change` event.
        input.set_value("");
        if let Some(file) = file {
            spawn_local(async move { state.recordings.open_file(state, file).await });
        }
    };
    view! {
        <label class="button button-file">
            <input
                type="file"
                class="visually-hidden"
                accept=".jsonl"
                data-testid="recording-file"
                disabled=move || state.phase.get() == Phase::Generating
                on:change=on_pick
            />
            {t("recording-open")}
        </label>
    }
}
