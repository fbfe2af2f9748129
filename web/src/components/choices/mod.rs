use leptos::prelude::*;

/// One of several mutually exclusive options.
pub trait Choice: Copy + PartialEq + Send + Sync + 'static {
    /// All options, in order.
    const ALL: &'static [Self];
    /// The option's label.
    fn name(self) -> &'static str;
    /// The `data-testid` of its button.
    fn testid(self) -> &'static str;
}

/// A row of buttons, one of which is pressed.
#[component]
pub fn Choices<T: Choice>(
    /// The label for screen readers.
    label: &'static str,
    chosen: RwSignal<T>,
) -> impl IntoView {
    let button = move |it: &T| {
        let it = *it;
        view! {
            <button
                type="button"
                class="button button-quiet"
                data-testid=it.testid()
                aria-pressed=move || (chosen.get() == it).to_string()
                on:click=move |_| chosen.set(it)
            >
                {it.name()}
            </button>
        }
    };
    view! {
        <div class="choices" role="group" aria-label=label>
            {T::ALL.iter().map(button).collect_view()}
        </div>
    }
}
