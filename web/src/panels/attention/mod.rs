mod arcs;
mod head;
mod heading;
mod layer;
mod look;
mod maps;
mod metric;
pub mod overview;
mod ranking;
mod recorded;

use heading::Heading;
use leptos::prelude::*;
use look::Look;
use metric::Metric;
pub use recorded::RecordedAttention;
use vitrine_protocol::{Answer, Prompt, Question};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::needs::Needs;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::reactive::memo;
use crate::state::State;

/// Maximum cells per side of a thumbnail.
const THUMBNAIL: u32 = 24;
/// Maximum positions of a head's matrix: a larger one would be unreadable, and needs heads · positions² · 4 bytes.
/// The values of a prefix do not depend on what follows.
const LONGEST: usize = 512;

/// The attention of all heads, of a layer, and of one head.
#[component]
pub fn AttentionPanel(state: State, bridge: Bridge) -> impl IntoView {
    let look = Look::new();
    let chosen = RwSignal::new(Metric::default());
    let selection = state.selection;

    let thumbnails = Inquiry::new(state, bridge);
    thumbnails.follow(move || {
        let prompt = state.sequence()?;
        Some(Question::AttentionThumbnails {
            prompt,
            side: THUMBNAIL,
        })
    });
    let layer = Inquiry::new(state, bridge);
    layer.follow(move || {
        let prompt = beginning(state.sequence()?);
        Some(Question::Attention {
            prompt,
            layer: selection.layer.get(),
        })
    });
    let report = Inquiry::new(state, bridge);
    report.follow(move || {
        state.loaded.with(Option::is_some).then_some(())?;
        Some(Question::Inspect { context: None })
    });
    // The sliding window of each layer; `None` if it has none.
    let window = memo(move |_| {
        report
            .answered
            .with(|answered| match &answered.as_ref()?.answer {
                Answer::Inspect(report) => {
                    let windows = &report.attention.sliding_windows;
                    *windows.get(selection.layer.get() as usize)?
                }
                _ => None,
            })
    });
    // During a generation, only metrics from packets are up to date.
    let metric = memo(move |_| {
        if state.phase.get() == Phase::Generating {
            chosen.get().live()
        } else {
            chosen.get()
        }
    });
    view! {
        <Heading explanation=t("attention-explanation") metrics=Metric::ALL.to_vec() chosen look>
            <Needs state />
            <AnswerStatus inquiry=thumbnails what=t("asking-pending") />
        </Heading>
        <overview::Overview state thumbnails metric look />
        <ranking::Ranking state thumbnails metric />
        <layer::LayerZoom state layer look />
        <head::HeadZoom state layer window look />
        <arcs::Arcs state layer look />
    }
}

/// The first tokens of a sequence.
fn beginning(prompt: Prompt) -> Prompt {
    match prompt {
        Prompt::Ids { mut ids } => {
            ids.truncate(LONGEST);
            Prompt::Ids { ids }
        }
        other => other,
    }
}
