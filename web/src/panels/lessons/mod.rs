use leptos::prelude::*;

use crate::i18n::t;
use crate::lessons::LESSONS;
use crate::state::State;

/// The lessons. The current one is shown above every panel.
#[component]
pub fn LessonsPanel(state: State) -> impl IntoView {
    view! {
        <section class="panel lessons" aria-labelledby="lessons-heading">
            <h2 id="lessons-heading">{t("lessons-heading")}</h2>
            <p>{t("lessons-intro")}</p>
            <ol class="lessons-list">
                {LESSONS.iter().enumerate().map(|(index, lesson)| view! {
                    <li>
                        <button
                            type="button"
                            class="lessons-entry"
                            data-testid="lesson"
                            aria-current=move || (state.lesson.get() == Some(index)).then_some("step")
                            on:click=move |_| state.lesson.set(Some(index))
                        >
                            <span class="lessons-number">{index + 1}</span>
                            <span class="lessons-title">{(lesson.title)()}</span>
                        </button>
                    </li>
                }).collect_view()}
            </ol>
        </section>
    }
}
