//! Rendering of token text with marks.

use leptos::prelude::*;

use crate::visible::{Visible, shown};

/// A token's text, with spaces and line breaks as marks and partial characters as bytes; its id
/// without a tokenizer.
pub fn piece_view(id: u32, bytes: &[u8], text: Option<&str>) -> impl IntoView + use<> {
    shown(id, bytes, text)
        .into_iter()
        .map(|stretch| match stretch {
            Visible::Text(text) => view! { <span class="piece-text">{text}</span> }.into_any(),
            Visible::Mark(mark) => view! { <span class="piece-mark">{mark}</span> }.into_any(),
            Visible::Raw(raw) => view! { <span class="piece-raw">{raw}</span> }.into_any(),
        })
        .collect_view()
}
