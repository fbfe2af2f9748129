//! Keyboard shortcuts of presenter mode.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use super::spotlight;
use crate::i18n::t;
use crate::lessons::LESSONS;
use crate::state::State;

/// All shortcuts with their descriptions.
pub fn list() -> [(&'static str, &'static str); 6] {
    [
        ("← →", t("presenter-key-go")),
        ("↑ ↓", t("presenter-key-light")),
        ("S", t("presenter-key-spotlight")),
        ("F", t("presenter-key-freeze")),
        ("?", t("presenter-key-list")),
        ("Esc", t("presenter-key-end")),
    ]
}

/// Performs the action of a key.
pub fn on_key(state: State, listed: RwSignal<bool>, event: &KeyboardEvent) {
    let lit = state.spotlight.get_untracked();
    match event.key().as_str() {
        // Escape first ends the spotlight, then presenter mode.
        "Escape" if lit => state.spotlight.set(false),
        "Escape" => state.presenting.set(false),
        "ArrowDown" if lit => spotlight::step(true),
        "ArrowUp" if lit => spotlight::step(false),
        "ArrowRight" | "PageDown" => go(state, true),
        "ArrowLeft" | "PageUp" => go(state, false),
        "s" | "S" => state.spotlight.update(|it| *it = !*it),
        "f" | "F" => state.frozen.update(|it| *it = !*it),
        "?" => listed.update(|it| *it = !*it),
        _ => return,
    }
    event.prevent_default();
}

/// Goes to the next lesson, or to the next token if no lesson is shown.
fn go(state: State, forward: bool) {
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

/// Whether the focused element uses the key: a field, a slider, a grid.
pub fn is_taken(event: &KeyboardEvent) -> bool {
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
