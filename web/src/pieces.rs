//! Draws a token's text with its marks.

use leptos::prelude::*;

use crate::visible::{Visible, visible};

/// A token's text; spaces and breaks as marks, broken characters as bytes.
pub fn piece_view(bytes: &[u8], text: Option<&str>) -> impl IntoView + use<> {
    visible(bytes, text)
        .into_iter()
        .map(|stretch| match stretch {
            Visible::Text(text) => view! { <span class="piece-text">{text}</span> }.into_any(),
            Visible::Mark(mark) => view! { <span class="piece-mark">{mark}</span> }.into_any(),
            Visible::Raw(raw) => view! { <span class="piece-raw">{raw}</span> }.into_any(),
        })
        .collect_view()
}
