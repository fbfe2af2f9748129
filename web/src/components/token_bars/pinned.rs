use leptos::prelude::*;
use vitrine_protocol::{Answer, NamedToken, Prompt, Question};

use super::{BarCell, Scale};
use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::pieces::piece_view;
use crate::reactive::memo;
use crate::state::State;

/// A token entered by the user: its rank and probability at the shown position, whatever the rank.
#[component]
pub fn Pinned(state: State, bridge: Bridge, scale: RwSignal<Scale>) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    let text = state.settings.pinned;
    let question = move || {
        let text = text.get();
        let position = state.strip.shown().filter(|position| *position > 0)?;
        let asked = !text.is_empty() && state.phase.get() == Phase::Ready;
        asked.then(|| Question::NamedTokens {
            prompt: Prompt::Ids {
                ids: state.strip.prefix(position),
            },
            ids: vec![],
            texts: vec![text],
        })
    };
    inquiry.follow(question);
    let named = memo(move |_| {
        inquiry
            .answered
            .with(|answered| match &answered.as_deref()?.answer {
                Answer::NamedTokens { tokens } => tokens.first().cloned(),
                _ => None,
            })
    });
    // `named` keeps the last answer, which is hidden while another question is pending or none can be asked.
    let shown = memo(move |_| {
        let wanted = question().is_some() && !inquiry.pending();
        let failed = inquiry.failure.with(Option::is_some);
        named.get().filter(|_| wanted && !failed)
    });
    let row = move |token: NamedToken| {
        let probability = memo(move |_| token.probability);
        let piece = token.piece;
        view! {
            <p
                class="pinned-row"
                data-testid="pinned"
                data-id=piece.id.to_string()
                data-rank=token.rank.to_string()
                data-probability=token.probability.to_string()
                data-logit=token.logit.to_string()
            >
                <span>{t!("pinned-rank", rank = token.rank)}</span>
                <span class="bars-token">
                    {piece_view(piece.id, &piece.bytes, piece.token.as_deref())}
                </span>
                <BarCell probability scale />
            </p>
        }
    };
    view! {
        <div class="pinned">
            <label class="pinned-field">
                <span>{t("pinned-label")}</span>
                <input
                    type="text"
                    class="text"
                    data-testid="pin"
                    autocomplete="off"
                    spellcheck="false"
                    aria-describedby="pinned-hint"
                    prop:value=move || text.get()
                    on:change=move |event| text.set(event_target_value(&event))
                />
            </label>
            <p class="hint" id="pinned-hint">{t("pinned-hint")}</p>
            <AnswerStatus inquiry what=t("bars-asking") />
            {move || shown.get().map(row)}
        </div>
    }
}
