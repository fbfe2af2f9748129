use leptos::prelude::*;

use crate::pieces::piece_view;
use crate::strings;
use crate::strip::StripToken;

/// One token.
#[component]
pub fn Chip(
    position: u32,
    token: StripToken,
    selected: Selector<Option<u32>>,
    reachable: Selector<u32>,
) -> impl IntoView {
    let StripToken { piece, origin, .. } = token;
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
        >
            <span class="token-text">{piece_view(piece.id, &piece.bytes, text)}</span>
            <span class="token-id">{piece.id}</span>
        </li>
    }
}
