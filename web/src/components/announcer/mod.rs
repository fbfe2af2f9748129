use leptos::prelude::*;

/// Announces events to screen readers: a few per run, never one per token.
#[component]
pub fn Announcer(announcement: RwSignal<String>) -> impl IntoView {
    view! {
        <div class="visually-hidden" role="status" data-testid="announcer">
            {move || announcement.get()}
        </div>
    }
}
