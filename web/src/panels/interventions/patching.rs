use leptos::prelude::*;
use vitrine_protocol::{Answer, AnswerPart, PatchReport, PatchRequest, Prompt, Question};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::figure::Figure;
use crate::components::labelled_matrix::{LabelledMatrix, Layout};
use crate::components::matrix::Cell;
use crate::components::number_table::GridTable;
use crate::draw::colour::difference;
use crate::draw::raster::Raster;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::phase::Phase;
use crate::reactive::{effect, memo};
use crate::state::State;
use crate::visible;

const LAYOUT: Layout = Layout {
    left: 60.0,
    top: 140.0,
    slanted: true,
    // Shares are between -1 and 1.
    colour: |at| difference(2.0 * at - 1.0),
};
const WIDTH: f64 = 640.0;
const ROW: f64 = 18.0;

/// Activation patching, cell by cell.
#[component]
pub fn Patching(state: State, bridge: Bridge) -> impl IntoView {
    let clean = RwSignal::new(String::from("The capital of France is"));
    let corrupt = RwSignal::new(String::from("The capital of Japan is"));
    let inquiry = Inquiry::new(state, bridge);
    let report = RwSignal::new(None::<PatchReport>);
    // The cells received so far.
    let known = RwSignal::new(Vec::<Cell>::new());
    let is_whole = RwSignal::new(false);
    effect(move || {
        if let Some(answered) = inquiry.answered.get()
            && let Answer::Patch(whole) = &answered.answer
        {
            report.set(Some(whole.clone()));
            is_whole.set(true);
        }
    });
    let take = move |part| match part {
        AnswerPart::PatchBegins(begun) => report.set(Some(begun)),
        AnswerPart::Restored {
            layer,
            position,
            share,
        } => {
            report.update(|report| {
                let Some(report) = report else { return };
                let positions = report.clean.len();
                let layers = report.restored.len().max(layer as usize + 1);
                report.restored.resize(layers, vec![0.0; positions]);
                let row = &mut report.restored[layer as usize];
                row.resize(positions, 0.0);
                if let Some(cell) = row.get_mut(position as usize) {
                    *cell = share;
                }
            });
            known.update(|known| known.push((layer, position)));
        }
        _ => {}
    };
    let run = move || {
        report.set(None);
        known.set(Vec::new());
        is_whole.set(false);
        inquiry.answered.set(None);
        let text = |text: RwSignal<String>| Prompt::Text {
            text: text.get_untracked(),
        };
        let request = PatchRequest {
            clean: text(clean),
            corrupt: text(corrupt),
            site: Default::default(),
            head: None,
            answer: None,
            against: None,
        };
        inquiry.ask_with(Question::Patch(request), take);
    };
    let can_run = move || state.phase.get() == Phase::Ready && !inquiry.pending();
    let field = move |id: &'static str, label: &'static str, value: RwSignal<String>| {
        view! {
            <label class="field">
                <span class="field-label">{label}</span>
                <input
                    type="text"
                    class="text"
                    data-testid=id
                    prop:value=move || value.get()
                    on:input=move |event| value.set(event_target_value(&event))
                />
            </label>
        }
    };
    view! {
        <section class="panel interventions-head" aria-labelledby="patch-heading">
            <h2 id="patch-heading">{t("patch-heading")}</h2>
            <p class="hint">{t("patch-explanation")}</p>
            {field("patch-clean", t("patch-clean"), clean)}
            {field("patch-corrupt", t("patch-corrupt"), corrupt)}
            <div class="button-row">
                <button
                    type="button"
                    class="button"
                    data-testid="patch-run"
                    disabled=move || !can_run()
                    on:click=move |_| run()
                >
                    {t("patch-run")}
                </button>
            </div>
            <AnswerStatus inquiry what=t("asking-pending") />
        </section>
        <Show when=move || report.with(Option::is_some)>
            <PatchGrid state report known is_whole />
        </Show>
    }
}

/// Map over layers and positions, as far as measured.
#[component]
fn PatchGrid(
    state: State,
    report: RwSignal<Option<PatchReport>>,
    known: RwSignal<Vec<Cell>>,
    is_whole: RwSignal<bool>,
) -> impl IntoView {
    let layers = memo(move |_| {
        let loaded = state
            .loaded
            .with(|it| it.as_ref().map(|it| it.model.num_hidden_layers));
        loaded.unwrap_or_else(|| {
            report.with(|it| it.as_ref().map_or(0, |it| it.restored.len() as u32))
        })
    });
    let positions =
        memo(move |_| report.with(|it| it.as_ref().map_or(0, |it| it.clean.len() as u32)));
    let share = move |(layer, position): Cell| {
        report.with(|it| {
            let row = it.as_ref()?.restored.get(layer as usize)?;
            row.get(position as usize).copied()
        })
    };
    let has = move |cell: Cell| is_whole.get() || known.with(|known| known.contains(&cell));
    let width = move || (WIDTH / f64::from(positions.get().max(1))).clamp(24.0, 90.0);
    let picture = memo(move |_| {
        let mut raster = Raster::new(positions.get(), layers.get());
        for layer in 0..layers.get() {
            for position in 0..positions.get() {
                if let Some(share) = share((layer, position)).filter(|_| has((layer, position))) {
                    raster.paint(position, layer, difference(share));
                }
            }
        }
        raster.url()
    });
    let words = move || {
        report.with(|report| {
            let Some(report) = report else {
                return Vec::new();
            };
            let pairs = report.clean.iter().zip(&report.corrupt);
            pairs
                .map(|(clean, corrupt)| {
                    let (clean, corrupt) = (visible::label(clean), visible::label(corrupt));
                    let clean = visible::short(&clean, 9);
                    if clean == visible::short(&corrupt, 9) {
                        clean
                    } else {
                        format!("{clean}/{}", visible::short(&corrupt, 9))
                    }
                })
                .collect::<Vec<_>>()
        })
    };
    let pointed = RwSignal::new(None);
    let say = move |(layer, position): Cell| {
        let word = words().get(position as usize).cloned().unwrap_or_default();
        match share((layer, position)).filter(|_| has((layer, position))) {
            Some(share) => t!(
                "patch-cell",
                layer = layer,
                token = word,
                position = position,
                share = format!("{share:.4}")
            ),
            None => t!(
                "patch-no-cell",
                layer = layer,
                token = word,
                position = position
            ),
        }
    };
    let note = move || {
        report.with(|report| {
            let Some(report) = report else {
                return String::new();
            };
            t!(
                "patch-note",
                answer = visible::label(&report.answer),
                against = visible::label(&report.against),
                clean = format!("{:.3}", report.clean_difference),
                corrupt = format!("{:.3}", report.corrupt_difference)
            )
        })
    };
    let table = move || {
        let cell = move |layer, position| {
            let share = share((layer, position)).filter(|_| has((layer, position)));
            share.map(|it| format!("{it:.4}"))
        };
        view! { <GridTable corner=t("selection-layer") columns=words() rows=layers.get() cell /> }
    };
    let numbers = move || {
        let layers = 0..layers.get();
        layers.map(|it| it.to_string()).collect::<Vec<_>>()
    };
    let scale = || {
        vec![
            (0.0, String::from("−1")),
            (0.5, t("patch-nothing").to_owned()),
            (1.0, t("patch-all").to_owned()),
        ]
    };
    let chosen = RwSignal::new(None::<Cell>);
    view! {
        <Figure
            testid="patch"
            title=Signal::stored(t("patch-title").to_owned())
            note=Signal::derive(note)
            table
        >
            <LabelledMatrix
                testid="patch-cells"
                layout=LAYOUT
                label=Signal::stored(t("patch-title").to_owned())
                axes=t("patch-axes")
                rows=Signal::derive(numbers)
                columns=Signal::derive(words)
                cell=Signal::derive(move || (width(), ROW))
                picture
                scale=Signal::derive(scale)
                selected=chosen
                pointed
                spoken=Callback::new(say)
                on_choose=Callback::new(move |cell: Cell| {
                    chosen.set(Some(cell));
                    state.selection.layer.set(cell.0);
                })
            />
        </Figure>
        <p
            class="readout note"
            data-testid="patch-cell"
            data-known=move || known.with(Vec::len).to_string()
            data-whole=move || is_whole.get().to_string()
        >
            {move || match pointed.get().or(chosen.get()) {
                Some(cell) => say(cell),
                None => t("patch-hint").to_owned(),
            }}
        </p>
    }
}
