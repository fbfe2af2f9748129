use leptos::prelude::*;

use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::reactive::memo;

/// Progress of an answer with a stop button, or the reason why there is none.
#[component]
pub fn AnswerStatus(
    inquiry: Inquiry,
    /// The current work, such as `Reading the prompt…`.
    what: &'static str,
) -> impl IntoView {
    let pending = memo(move |_| inquiry.pending());
    view! {
        <div class="answer-status" role="status" data-testid="answer-status"
            data-pending=move || pending.get().to_string()>
            <Show when=move || pending.get()>
                <span>{what}</span>
                {move || inquiry.progress.get().map(|(done, total)| view! {
                    <progress
                        aria-label=what
                        value=done.to_string()
                        max=total.max(1).to_string()
                    ></progress>
                    <span>{t!("answer-progress", done = done, total = total)}</span>
                })}
                <button
                    type="button"
                    class="button button-quiet"
                    data-testid="answer-stop"
                    on:click=move |_| inquiry.withdraw()
                >
                    {t("stop")}
                </button>
            </Show>
            {move || inquiry.failure.get().map(|message| view! {
                <span class="hint-wrong">{message}</span>
            })}
        </div>
    }
}
