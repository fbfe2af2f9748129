use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::i18n::t;
use crate::lessons::LESSONS;
use crate::state::State;

/// The button that makes the page one large stage for a projector, and the keys that work there:
/// left and right go through the lessons, or through the tokens where there is no lesson; Escape
/// ends it.
#[component]
pub fn Presenter(state: State) -> impl IntoView {
    let presenting = state.presenting;
    Effect::new(move |_| {
        if let Some(root) = document().document_element() {
            let _ = root.toggle_attribute_with_force("data-presenting", presenting.get());
        }
    });
    let keys = window_event_listener(ev::keydown, move |event| {
        if presenting.get_untracked() && !is_taken(&event) {
            on_key(state, &event);
        }
    });
    on_cleanup(move || keys.remove());
    view! {
        <button
            type="button"
            class="button button-quiet"
            data-testid="present"
            aria-pressed=move || presenting.get().to_string()
            title=t("presenter-hint")
            on:click=move |_| presenting.update(|it| *it = !*it)
        >
            {t("presenter")}
        </button>
    }
}

fn on_key(state: State, event: &KeyboardEvent) {
    match event.key().as_str() {
        "Escape" => state.presenting.set(false),
        "ArrowRight" | "PageDown" => step(state, true),
        "ArrowLeft" | "PageUp" => step(state, false),
        _ => return,
    }
    event.prevent_default();
}

fn step(state: State, forward: bool) {
    let next = |at: usize, count: usize| {
        if forward {
            (at + 1).min(count.saturating_sub(1))
        } else {
            at.saturating_sub(1)
        }
    };
    if let Some(lesson) = state.lesson.get_untracked() {
        return state.lesson.set(Some(next(lesson, LESSONS.len())));
    }
    let count = untrack(|| state.strip.len());
    if count > 0 {
        let at = untrack(|| state.strip.shown()).unwrap_or(0);
        let at = next(at as usize, count as usize);
        state.strip.selected.set(Some(at as u32));
    }
}

/// Whether the key belongs to what has the focus: a field, a slider, a grid.
fn is_taken(event: &KeyboardEvent) -> bool {
    let own = "input, textarea, select, [role=listbox] *, [role=grid] *, [role=grid]";
    event.default_prevented()
        || event.ctrl_key()
        || event.meta_key()
        || event.alt_key()
        || event
            .target()
            .and_then(|target| {
                let target: Element = target.dyn_into().ok()?;
                target.closest(own).ok()?
            })
            .is_some()
}
