//! Highlights one panel and dims the rest: the one below the pointer, the one with the focus, or the next by key.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::reactive::effect;
use crate::state::State;

/// Marks the highlighted panel; the style sheet dims the rest.
const LIT: &str = "data-lit";

/// Follows pointer and focus while the spotlight is on.
pub fn follow(state: State) {
    let on = state.spotlight;
    effect(move || {
        let on = on.get();
        if let Some(root) = document().document_element() {
            let _ = root.toggle_attribute_with_force("data-spotlight", on);
        }
        if on {
            let focused = document().active_element();
            let at = focused.and_then(|it| index_of(&panels(), &it));
            light(at.unwrap_or_else(|| first(&panels())));
        } else if let Some(lit) = lit() {
            let _ = lit.remove_attribute(LIT);
        }
    });
    // The highlighted panel may have been removed with the view.
    effect(move || {
        state.selection.view.track();
        state.lesson.track();
        state.frozen.track();
        if on.get_untracked() {
            request_animation_frame(move || {
                if on.get_untracked() && lit().is_none() {
                    light(first(&panels()));
                }
            });
        }
    });
    let pointed = window_event_listener(ev::pointermove, move |event| {
        if on.get_untracked() {
            let at = (f64::from(event.client_x()), f64::from(event.client_y()));
            let panels = panels();
            // By position, since the frozen copy receives no pointer events. The strip covers
            // panels that scroll below it; of nested panels, the innermost is chosen.
            let under: Vec<usize> = (0..panels.len())
                .filter(|it| holds(&panels[*it], at))
                .collect();
            let strip = |it: &&usize| panels[**it].class_list().contains("strip");
            let found = under.iter().find(strip).or(under.last()).copied();
            if let Some(found) = found {
                light(found);
            }
        }
    });
    let focused = window_event_listener(ev::focusin, move |event| {
        let target = event.target().and_then(|it| it.dyn_into::<Element>().ok());
        if let Some(target) = target.filter(|_| on.get_untracked())
            && let Some(at) = index_of(&panels(), &target)
        {
            light(at);
        }
    });
    on_cleanup(move || {
        pointed.remove();
        focused.remove();
    });
}

/// Highlights the next or the previous panel.
pub fn step(forward: bool) {
    let panels = panels();
    let at = panels.iter().position(|it| it.has_attribute(LIT));
    let to = match at {
        Some(at) if forward => (at + 1).min(panels.len().saturating_sub(1)),
        Some(at) => at.saturating_sub(1),
        None => first(&panels),
    };
    light(to);
    if let Some(panel) = panels.get(to) {
        panel.scroll_into_view_with_bool(true);
    }
}

/// The visible panels, in order.
fn panels() -> Vec<HtmlElement> {
    let found = document().get_elements_by_class_name("panel");
    (0..found.length())
        .filter_map(|index| found.item(index)?.dyn_into::<HtmlElement>().ok())
        .filter(|it| it.offset_width() > 0 && matches!(it.closest(".centre"), Ok(Some(_))))
        .collect()
}

/// The first visible panel of the stage.
fn first(panels: &[HtmlElement]) -> usize {
    let height = document()
        .document_element()
        .map_or(0.0, |root| f64::from(root.client_height()));
    let in_sight = |it: &HtmlElement| {
        let place = it.get_bounding_client_rect();
        place.top() >= 0.0 && place.top() < height
    };
    let on_stage = |it: &&HtmlElement| matches!(it.closest(".stage"), Ok(Some(_)));
    let first = |wanted: &dyn Fn(&&HtmlElement) -> bool| panels.iter().position(|it| wanted(&it));
    first(&|it| on_stage(it) && in_sight(it))
        .or_else(|| first(&on_stage))
        .unwrap_or(0)
}

fn index_of(panels: &[HtmlElement], target: &Element) -> Option<usize> {
    let panel = target.closest(".panel").ok()??;
    panels.iter().position(|it| **it == panel)
}

fn holds(panel: &HtmlElement, (x, y): (f64, f64)) -> bool {
    let place = panel.get_bounding_client_rect();
    (place.left()..place.right()).contains(&x) && (place.top()..place.bottom()).contains(&y)
}

fn lit() -> Option<Element> {
    document()
        .query_selector(&format!("[{LIT}]"))
        .ok()
        .flatten()
}

fn light(index: usize) {
    let panels = panels();
    for (at, panel) in panels.iter().enumerate() {
        let _ = panel.toggle_attribute_with_force(LIT, at == index);
    }
}
