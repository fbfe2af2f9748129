use leptos::prelude::*;

use crate::format;
use crate::i18n::t;
use crate::pieces::piece_view;
use crate::reactive::memo;
use crate::strings;
use crate::strip::{Strip, StripToken};

/// One token.
#[component]
pub fn Chip(
    position: u32,
    strip: Strip,
    token: StripToken,
    selected: Selector<Option<u32>>,
    reachable: Selector<u32>,
) -> impl IntoView {
    let StripToken { piece, origin, .. } = token;
    let surprisal = memo(move |_| {
        strip
            .tokens
            .with(|tokens| tokens.get(position as usize)?.surprisal)
    });
    let text = piece.token.as_deref();
    let is_selected = move || selected.selected(&Some(position)).to_string();
    let tabindex = move || {
        if reachable.selected(&position) {
            "0"
        } else {
            "-1"
        }
    };
    view! {
        <li
            class="token"
            class:token-special=piece.special
            role="option"
            aria-description=strings::chip_description(position, origin)
            aria-selected=is_selected
            tabindex=tabindex
            data-testid="token"
            data-id=piece.id.to_string()
            data-position=position.to_string()
            data-origin=origin.name()
            data-surprisal=move || surprisal.get().map(|bits| bits.to_string())
            title=move || surprisal.get().map(|bits| t!("token-surprisal", bits = format::bits(bits)))
        >
            <span class="token-text">{piece_view(piece.id, &piece.bytes, text)}</span>
            <span
                class="token-surprisal"
                aria-hidden="true"
                style:height=move || surprisal.get().map(|bits| format!("{}px", thickness(bits)))
            ></span>
            <span class="token-id">{piece.id}</span>
        </li>
    }
}

/// Thickness of the line below a token, in pixels: one per two bits of surprisal, at most 8.
fn thickness(bits: f64) -> f64 {
    (bits / 2.0).clamp(0.0, 8.0)
}
