use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::lessons::{self, LESSONS, Lesson};
use crate::phase::Phase;
use crate::state::State;

/// The current lesson: predict, run, reveal, check.
#[component]
pub fn LessonCard(state: State, bridge: Bridge) -> impl IntoView {
    move || {
        let index = state.lesson.get()?;
        let lesson = LESSONS.get(index)?;
        Some(view! { <Card state bridge index lesson /> })
    }
}

#[component]
fn Card(state: State, bridge: Bridge, index: usize, lesson: &'static Lesson) -> impl IntoView {
    let guess = RwSignal::new(String::new());
    let shown = RwSignal::new(false);
    let given = RwSignal::new(String::new());
    let busy = move || state.phase.get() != Phase::Ready;
    let show = move |_| {
        shown.set(true);
        state.selection.view.set(lesson.view);
        if let Some(run) = &lesson.run {
            let settings = state.settings;
            settings.as_ids.set(false);
            settings.chat.set(false);
            settings.prompt.set(run.prompt.to_owned());
            settings.max_new_tokens.set(run.max_new_tokens.to_string());
            settings.sampling.do_sample.set(run.do_sample);
            if let Some(command) = state.generate() {
                bridge.send(&command);
            }
        }
    };
    let go = move |to: usize| state.lesson.set(Some(to));
    let verdict = move || {
        let given: f64 = given.get().trim().replace(',', "").parse().ok()?;
        let wanted = (lesson.answer)(state)?;
        Some(if lessons::is_right(given, wanted) {
            (true, t("lesson-right").to_owned())
        } else {
            (false, t("lesson-wrong").to_owned())
        })
    };
    view! {
        <section class="panel lesson" aria-labelledby="lesson-heading" data-testid="lesson-card">
            <div class="lesson-head">
                <h2 id="lesson-heading">{format!("{}. {}", index + 1, (lesson.title)())}</h2>
                <div class="lesson-tools">
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="lesson-back"
                        disabled=index == 0
                        on:click=move |_| go(index.saturating_sub(1))
                    >
                        {t("lesson-back")}
                    </button>
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="lesson-next"
                        disabled=index + 1 == LESSONS.len()
                        on:click=move |_| go(index + 1)
                    >
                        {t("lesson-next")}
                    </button>
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="lesson-close"
                        on:click=move |_| state.lesson.set(None)
                    >
                        {t("picker-close")}
                    </button>
                </div>
            </div>
            <p>{(lesson.predict)()}</p>
            <div class="lesson-row">
                <label class="lesson-field">
                    <span>{t("lesson-guess")}</span>
                    <input
                        type="text"
                        class="text"
                        autocomplete="off"
                        prop:value=move || guess.get()
                        on:input=move |event| guess.set(event_target_value(&event))
                    />
                </label>
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="lesson-run"
                    disabled=busy
                    on:click=show
                >
                    {t("lesson-show")}
                </button>
            </div>
            <Show when=move || shown.get()>
                <p class="lesson-reveal" role="status" data-testid="lesson-reveal">
                    {move || if state.phase.get() == Phase::Ready {
                        (lesson.reveal)(state)
                    } else {
                        None
                    }
                    .unwrap_or_else(|| t("lesson-waiting").to_owned())}
                </p>
                <label class="lesson-field">
                    <span>{(lesson.check)()}</span>
                    <input
                        type="text"
                        inputmode="decimal"
                        class="number"
                        data-testid="lesson-answer"
                        autocomplete="off"
                        prop:value=move || given.get()
                        on:input=move |event| given.set(event_target_value(&event))
                    />
                </label>
                <p
                    class="lesson-verdict"
                    role="status"
                    data-testid="lesson-verdict"
                    data-right=move || verdict().map(|(right, _)| right.to_string())
                >
                    {move || verdict().map(|(right, text)| format!(
                        "{} {text}",
                        if right { "✓" } else { "✗" }
                    ))}
                </p>
            </Show>
        </section>
    }
}
