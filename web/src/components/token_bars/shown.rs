//! The distribution that the bars show, and its title.

use std::sync::Arc;

use leptos::prelude::Get;
use vitrine_protocol::Distribution;

use crate::i18n::t;
use crate::phase::Phase;
use crate::state::State;
use crate::strings;
use crate::strip::Origin;
use crate::visible::shown_text;

/// What the bars show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// The position of the token.
    pub position: Option<u32>,
    /// The token at that position, and its origin.
    token: Option<(u32, Origin)>,
    /// Its candidates, if known.
    pub distribution: Option<Arc<Distribution>>,
    /// The sentence above the bars.
    pub caption: String,
}

impl Shown {
    /// The token to mark among the candidates.
    pub fn chosen(&self) -> Option<(u32, Origin)> {
        self.token
    }
}

/// What the bars currently show. Tracks all signals it reads.
pub fn shown(state: State) -> Shown {
    let strip = state.strip;
    let found = strip
        .shown()
        .and_then(|position| Some((position, strip.token(position)?)));
    let Some((position, token)) = found else {
        return Shown {
            caption: t("bars-empty").to_owned(),
            ..Shown::default()
        };
    };
    let text = shown_text(
        token.piece.id,
        &token.piece.bytes,
        token.piece.token.as_deref(),
    );
    let newest = strip.selected.get().is_none();
    let caption = match &token.distribution {
        Some(distribution) => {
            let caption = strings::bars_caption(position, &text, token.origin, newest);
            let among = distribution.top.iter().any(|it| it.id == token.piece.id);
            if among {
                caption
            } else {
                format!("{caption}. {}", strings::not_among(&text))
            }
        }
        None if position > 0 && state.recordings.is_shown() => t("bars-not-recorded").to_owned(),
        None => waiting(position, state.phase.get()).to_owned(),
    };
    Shown {
        position: Some(position),
        token: Some((token.piece.id, token.origin)),
        distribution: token.distribution,
        caption,
    }
}

/// Why there is no distribution yet.
fn waiting(position: u32, phase: Phase) -> &'static str {
    match phase {
        _ if position == 0 => t("bars-first"),
        Phase::Ready => t("bars-asking"),
        Phase::Generating => t("bars-busy"),
        Phase::Starting | Phase::NoModel | Phase::Loading | Phase::Failed => t("bars-no-model"),
    }
}
