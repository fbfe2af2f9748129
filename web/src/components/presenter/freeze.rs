use leptos::html;
use leptos::prelude::*;

use super::picture;
use crate::i18n::t;
use crate::reactive::effect;
use crate::state::State;
use crate::strings;

/// The audience's view. When frozen, a picture of it is shown while the page below continues.
#[component]
pub fn Freeze(state: State, children: Children) -> impl IntoView {
    let frozen = state.frozen;
    let shown = NodeRef::<html::Div>::new();
    let place = NodeRef::<html::Div>::new();
    let live = NodeRef::<html::Div>::new();
    let taken_of = RwSignal::new(String::new());
    effect(move || {
        let (Some(shown), Some(place), Some(live)) = (shown.get(), place.get(), live.get()) else {
            return;
        };
        // Appearing and disappearing elements would move the page.
        let scrolled = window().scroll_y().unwrap_or_default();
        if frozen.get() {
            taken_of.set(state.selection.view.get_untracked().title().to_owned());
            picture::take(&live, &place);
        } else {
            place.set_inner_html("");
        }
        // Only after the copy is taken: hidden elements have no size.
        let _ = shown.toggle_attribute_with_force("hidden", !frozen.get());
        let _ = live.toggle_attribute_with_force("hidden", frozen.get());
        window().scroll_to_with_x_and_y(0.0, scrolled);
    });
    view! {
        <div
            role="img"
            class="freeze-picture"
            data-testid="frozen-picture"
            aria-label=move || strings::frozen(&taken_of.get())
            hidden
            node_ref=shown
        >
            <div inert class="freeze-inside" node_ref=place></div>
        </div>
        <div class="freeze-live" node_ref=live>
            {children()}
        </div>
    }
}

/// The badge of a frozen view, with the button that ends it.
#[component]
pub fn FreezeBadge(state: State) -> impl IntoView {
    let frozen = state.frozen;
    view! {
        <div role="status" class="freeze-status">
            <Show when=move || frozen.get()>
                <p class="freeze-badge" data-testid="frozen">
                    <strong>
                        <span aria-hidden="true">"❄ "</span>
                        {t("frozen-badge")}
                    </strong>
                    <span>{t("frozen-explanation")}</span>
                    <button
                        type="button"
                        class="button button-quiet"
                        data-testid="unfreeze"
                        on:click=move |_| frozen.set(false)
                    >
                        {t("frozen-end")}
                    </button>
                </p>
            </Show>
        </div>
    }
}
