use leptos::prelude::*;

use crate::format;
use crate::i18n::t;
use crate::reactive::memo;
use crate::state::State;
use crate::strip::Origin;

/// Positions of a KV cache page.
const PAGE: u32 = 64;
/// Maximum number of pages that are drawn individually.
const MOST_PAGES: u32 = 128;

/// Usage of the cache by the sequence on the strip.
#[component]
pub fn Fill(state: State) -> impl IntoView {
    // The newest token was chosen but not processed yet, so it has no key.
    let held = memo(move |_| {
        state.strip.tokens.with(|tokens| {
            let read = tokens.len() as u32;
            match tokens.last() {
                Some(last) if last.origin == Origin::Generated => read - 1,
                _ => read,
            }
        })
    });
    let model = memo(move |_| {
        let model = state.model()?;
        Some((model.kv_bytes_per_token, model.max_position_embeddings))
    });
    let words = move || {
        let (per_token, longest) = model.get()?;
        let bytes = per_token * u64::from(held.get());
        Some(t!(
            "cache-fill",
            positions = held.get(),
            longest = format::count(u64::from(longest)),
            per_token = format::count(per_token),
            bytes = format::bytes(bytes),
            all = format::bytes(per_token * u64::from(longest))
        ))
    };
    let share = move || {
        let longest = model.get().map_or(1, |it| it.1);
        100.0 * f64::from(held.get()) / f64::from(longest)
    };
    let pages = move || {
        let longest = model.get().map_or(0, |it| it.1);
        longest.div_ceil(PAGE).min(MOST_PAGES)
    };
    view! {
        <Show when=move || model.get().is_some()>
            <p
                class="cache-words"
                data-testid="cache-fill"
                data-positions=move || held.get().to_string()
                data-bytes=move || {
                    model.get().map(|it| (it.0 * u64::from(held.get())).to_string())
                }
            >
                {words}
            </p>
            <div class="cache-bar" aria-hidden="true">
                <span style:inline-size=move || format!("{:.3}%", share())></span>
            </div>
            <div class="cache-pages" aria-hidden="true">
                {move || {
                    let held = held.get();
                    (0..pages())
                        .map(|page| {
                            let filled = held.saturating_sub(page * PAGE).min(PAGE);
                            let share = 100.0 * f64::from(filled) / f64::from(PAGE);
                            view! {
                                <span class="cache-page" class:cache-begun={filled > 0}>
                                    <span style:inline-size=format!("{share:.1}%")></span>
                                </span>
                            }
                        })
                        .collect_view()
                }}
            </div>
            <p class="hint">
                {move || t!("cache-pages", page = PAGE, used = held.get().div_ceil(PAGE))}
            </p>
        </Show>
    }
}
