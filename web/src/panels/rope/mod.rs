mod circles;
mod distances;
mod frequencies;
mod turns;

use leptos::prelude::*;
use turns::Turns;
use vitrine_protocol::{Prompt, Question};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::needs::Needs;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::reactive::memo;
use crate::state::State;

/// Maximum positions of a question.
const LONGEST: usize = 2048;

/// RoPE of the queries and keys of a head.
#[component]
pub fn RopePanel(state: State, bridge: Bridge) -> impl IntoView {
    let selection = state.selection;
    let inquiry = Inquiry::new(state, bridge);
    inquiry.follow(move || {
        let Prompt::Ids { mut ids } = state.sequence()? else {
            return None;
        };
        ids.truncate(LONGEST);
        Some(Question::Rope {
            prompt: Prompt::Ids { ids },
            layer: selection.layer.get(),
            head: selection.head.get(),
        })
    });
    let turns = memo(move |_| Turns::of(inquiry));
    let does_turn =
        memo(move |_| turns.with(|turns| turns.as_ref().is_some_and(|turns| turns.pairs() != 0)));
    let about = move || {
        turns.with(|turns| {
            let turns = turns.as_ref()?;
            let report = turns.report()?;
            let head = t!(
                "rope-head",
                layer = selection.layer.get(),
                head = selection.head.get(),
                kv_head = report.kv_head
            );
            let how = match &report.rope {
                Some(rope) => t!(
                    "rope-how",
                    theta = rope.theta,
                    dim = rope.dim,
                    scaling = rope.scaling.as_str()
                ),
                None => t("rope-none").to_owned(),
            };
            Some(format!("{head} {how}"))
        })
    };
    view! {
        <section class="panel rope-head" aria-labelledby="rope-heading">
            <h2 id="rope-heading">{t("view-rope")}</h2>
            <p class="hint">{t("rope-explanation")}</p>
            <p data-testid="rope-about">{about}</p>
            <Needs state />
            <AnswerStatus inquiry what=t("asking-pending") />
        </section>
        <Show when=move || does_turn.get()>
            <circles::Circles state turns />
            <distances::Distances state turns />
            <frequencies::Frequencies turns />
        </Show>
    }
}
