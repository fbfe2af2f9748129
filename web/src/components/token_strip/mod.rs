mod chip;
mod keys;

use chip::Chip;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent};

use crate::i18n::t;
use crate::reactive::{effect, memo};
use crate::state::State;
use crate::strings;
use crate::strip::Origin;

/// The sequence, one chip per token. Its selection is that of the whole page.
#[component]
pub fn TokenStrip(state: State) -> impl IntoView {
    let strip = state.strip;
    let list = NodeRef::<html::Ol>::new();
    let count = memo(move |_| strip.len());
    let selected = Selector::new(move || strip.selected.get());
    // The only chip in the tab order: the selected one, else the newest.
    let reachable = Selector::new(move || {
        strip
            .selected
            .get()
            .or(count.get().checked_sub(1))
            .unwrap_or(0)
    });

    follow_newest(state, count, list);

    let on_click = move |event: Event| {
        if let Some(position) = position_of(&event) {
            strip.selected.set(Some(position));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let current = position_of(&event);
        if let Some(change) = keys::change(&event.key(), current, count.get_untracked()) {
            event.prevent_default();
            strip.selected.set(change);
            if let Some(position) = change {
                focus_chip(list, position);
            }
        }
    };
    let counts = move || {
        strip.tokens.with(|tokens| {
            let prompt = tokens
                .iter()
                .filter(|it| it.origin == Origin::Prompt)
                .count();
            strings::token_counts(prompt, tokens.len() - prompt)
        })
    };

    view! {
        <section class="panel strip" aria-labelledby="strip-heading">
            <div class="strip-head">
                <h2 id="strip-heading">{t("strip-heading")}</h2>
                <Show
                    when=move || count.get() != 0
                    fallback=|| view! { <span class="hint">{t("strip-empty")}</span> }
                >
                    <span class="hint" data-testid="token-counts">{counts}</span>
                    <span class="legend legend-prompt">{t("legend-prompt")}</span>
                    <span class="legend legend-generated">{t("legend-generated")}</span>
                </Show>
                <label class="check strip-ids">
                    <input
                        type="checkbox"
                        data-testid="show-ids"
                        prop:checked=move || state.settings.show_ids.get()
                        on:change=move |event| {
                            state.settings.show_ids.set(event_target_checked(&event));
                        }
                    />
                    <span>{t("show-ids")}</span>
                </label>
            </div>
            <ol
                node_ref=list
                class="strip-list"
                class:strip-with-ids=move || state.settings.show_ids.get()
                class:strip-empty=move || count.get() == 0
                role="listbox"
                aria-label=t("strip-label")
                aria-orientation="horizontal"
                aria-describedby="strip-hint"
                data-testid="strip"
                on:click=move |event| on_click(event.into())
                on:keydown=on_key
            >
                <For
                    each=move || {
                        let run = strip.run.get();
                        (0..count.get()).map(move |position| (run, position))
                    }
                    key=|entry| *entry
                    children=move |(_, position)| {
                        let token = untrack(|| strip.token(position));
                        let selected = selected.clone();
                        let reachable = reachable.clone();
                        token.map(|token| view! { <Chip position strip token selected reachable /> })
                    }
                />
            </ol>
            <p id="strip-hint" class="hint" class:visually-hidden=move || count.get() == 0>
                {t("strip-hint")}
            </p>
        </section>
    }
}

/// Keeps the newest chip in view while nothing is selected.
fn follow_newest(state: State, count: Memo<u32>, list: NodeRef<html::Ol>) {
    effect(move || {
        count.track();
        state.settings.show_ids.track();
        if state.strip.selected.get_untracked().is_none()
            && let Some(list) = list.get()
        {
            list.set_scroll_top(list.scroll_height());
        }
    });
}

/// The position of the chip that received an event.
fn position_of(event: &Event) -> Option<u32> {
    let target: Element = event.target()?.dyn_into().ok()?;
    let chip = target.closest("[data-position]").ok()??;
    chip.get_attribute("data-position")?.parse().ok()
}

fn focus_chip(list: NodeRef<html::Ol>, position: u32) {
    let chip = list.get_untracked().and_then(|list| {
        list.query_selector(&format!("[data-position=\"{position}\"]"))
            .ok()?
    });
    if let Some(chip) = chip.and_then(|chip| chip.dyn_into::<HtmlElement>().ok()) {
        let _ = chip.focus();
    }
}
