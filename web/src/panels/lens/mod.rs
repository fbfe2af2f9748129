mod cells;
mod grid;
mod ranks;
mod recorded;

use cells::Lens;
use leptos::prelude::*;
pub use recorded::RecordedLens;
use vitrine_protocol::{Prompt, Question};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::needs::Needs;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::reactive::memo;
use crate::state::State;

/// Maximum positions of a question: each needs the output head once per layer.
const LONGEST: usize = 96;
/// Candidates per cell, and fewer for long sequences, to limit the size of the answer.
const MANY: u32 = 32;
const FEW: u32 = 10;

/// The logit lens: what the model would predict after each layer.
#[component]
pub fn LensPanel(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || {
        let Prompt::Ids { mut ids } = state.sequence()? else {
            return None;
        };
        ids.truncate(LONGEST);
        let top = if ids.len() <= 16 { MANY } else { FEW };
        let prompt = Prompt::Ids { ids };
        Some(Question::Lens { prompt, top })
    });
    let lens = memo(move |_| Lens::of(inquiry));
    let cut = move || state.strip.len() as usize > LONGEST;
    view! {
        <section class="panel lens-head" aria-labelledby="lens-heading">
            <h2 id="lens-heading">{t("view-lens")}</h2>
            <p class="hint">{t("lens-explanation")}</p>
            <p class="lens-badge">{t("lens-badge")}</p>
            <Show when=cut>
                <p class="hint">{t!("lens-cut", positions = LONGEST)}</p>
            </Show>
            <Needs state />
            <AnswerStatus inquiry what=t("asking-pending") />
        </section>
        <Show when=move || lens.with(Option::is_some)>
            <grid::LensGrid state lens />
            <ranks::LensRanks state lens />
        </Show>
    }
}
