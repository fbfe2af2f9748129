use leptos::prelude::*;

/// Says what happens to those who listen. The state sets it a few times a run, never per token.
#[component]
pub fn Announcer(announcement: RwSignal<String>) -> impl IntoView {
    view! {
        <div class="visually-hidden" role="status" data-testid="announcer">
            {move || announcement.get()}
        </div>
    }
}
