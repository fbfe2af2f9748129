use leptos::prelude::*;
use vitrine_protocol::{Answer, AnswerPart, HeadEffect, Question};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::figure::Figure;
use crate::components::labelled_matrix::{LabelledMatrix, Layout};
use crate::components::matrix::Cell;
use crate::components::needs::Needs;
use crate::components::number_table::{NumberTable, number};
use crate::draw::colour::magnitude;
use crate::draw::raster::Raster;
use crate::format;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::reactive::{effect, memo};
use crate::state::State;

const LAYOUT: Layout = Layout {
    left: 84.0,
    top: 44.0,
    slanted: false,
    colour: magnitude,
};
const WIDTH: f64 = 700.0;
/// Heads in the list.
const LONGEST: usize = 8;

/// Switches off each head in turn, to show which ones the next token depends on.
#[component]
pub fn Sweep(state: State, bridge: Bridge) -> impl IntoView {
    let selection = state.selection;
    let sweep = Inquiry::new(state, bridge);
    let effects = RwSignal::new(Vec::<HeadEffect>::new());
    effect(move || {
        if let Some(answered) = sweep.answered.get()
            && let Answer::Sweep(report) = &answered.answer
        {
            effects.set(report.heads.clone());
        }
    });
    let can_run = move || state.sequence().is_some() && !sweep.pending();
    let run = move || {
        if let Some(prompt) = untrack(|| state.sequence()) {
            effects.set(Vec::new());
            sweep.answered.set(None);
            let question = Question::Sweep {
                prompt,
                mean: false,
            };
            sweep.ask_with(question, move |part| {
                if let AnswerPart::Head(effect) = part {
                    effects.update(|effects| effects.push(effect));
                }
            });
        }
    };
    let shape = memo(move |_| {
        state.loaded.with(|loaded| {
            let model = loaded.as_ref().map(|it| &it.model);
            model.map_or((0, 0), |it| (it.num_attention_heads, it.num_hidden_layers))
        })
    });
    let most = memo(move |_| effects.with(|all| all.iter().map(|it| it.kl).fold(1e-9, f64::max)));
    let picture = memo(move |_| {
        let (heads, layers) = shape.get();
        let mut raster = Raster::new(layers, heads);
        effects.with(|all| {
            for it in all {
                let shade = (it.kl.max(0.0) / most.get()).sqrt();
                raster.paint(it.layer, it.head, magnitude(shade));
            }
        });
        raster.url()
    });
    let effect_of = move |(head, layer): Cell| {
        effects.with(|all| {
            all.iter()
                .find(|it| it.layer == layer && it.head == head)
                .cloned()
        })
    };
    let pointed = RwSignal::new(None);
    let say = move |(head, layer): Cell| {
        let name = t!("attention-head-name", layer = layer, head = head);
        match effect_of((head, layer)) {
            Some(it) => t!(
                "interventions-effect",
                head = name,
                kl = format::nats(it.kl),
                probability = format::percent(it.answer_probability)
            ),
            None => name,
        }
    };
    let here = move || (selection.head.get(), selection.layer.get());
    let side = move || (WIDTH / f64::from(shape.get().1.max(1))).clamp(14.0, 40.0);
    let names = move || {
        let heads = 0..shape.get().0;
        heads
            .map(|head| t!("attention-tile-name", head = head))
            .collect::<Vec<_>>()
    };
    let numbers = move || {
        let layers = 0..shape.get().1;
        layers.map(|it| it.to_string()).collect::<Vec<_>>()
    };
    // Colours follow the square root.
    let scale = move || {
        vec![
            (0.0, String::from("0")),
            (0.5, format!("{:.4}", most.get() / 4.0)),
            (1.0, format!("{:.4} nats", most.get())),
        ]
    };
    let ranked = move || {
        let mut all = effects.get();
        all.sort_by(|a, b| b.kl.total_cmp(&a.kl));
        all
    };
    let table = move || {
        let row = |it: HeadEffect| {
            view! {
                <tr>
                    <td>{it.layer}</td>
                    <td>{it.head}</td>
                    <td>{it.kl}</td>
                    <td>{it.answer_probability}</td>
                </tr>
            }
        };
        view! {
            <NumberTable
                heads=vec![
                    number(t("selection-layer")),
                    number(t("selection-head")),
                    number("KL (nats)"),
                    number(t("interventions-answer")),
                ]
                rows=ranked().into_iter().map(row).collect_view()
            />
        }
    };
    let ranks = move || {
        let row = |it: HeadEffect| {
            view! {
                <li>
                    <button
                        type="button"
                        class="button button-quiet attention-ranked"
                        data-testid="sweep-ranked"
                        data-layer=it.layer.to_string()
                        data-head=it.head.to_string()
                        data-kl=it.kl.to_string()
                        on:click=move |_| selection.select_head(it.layer, it.head)
                    >
                        <span>{t!("attention-head-name", layer = it.layer, head = it.head)}</span>
                        <b>{format::nats(it.kl)}</b>
                    </button>
                </li>
            }
        };
        ranked().into_iter().take(LONGEST).map(row).collect_view()
    };
    view! {
        <section class="panel interventions-head" aria-labelledby="sweep-heading">
            <h2 id="sweep-heading">{t("sweep-heading")}</h2>
            <p class="hint">{t("sweep-explanation")}</p>
            <div class="button-row">
                <button
                    type="button"
                    class="button"
                    data-testid="sweep-run"
                    disabled=move || !can_run()
                    on:click=move |_| run()
                >
                    {t("sweep-run")}
                </button>
            </div>
            <Needs state />
            <AnswerStatus inquiry=sweep what=t("asking-pending") />
        </section>
        <Show when=move || !effects.with(Vec::is_empty)>
            <Figure
                testid="sweep"
                title=Signal::stored(t("sweep-title").to_owned())
                note=Signal::stored(t("sweep-note").to_owned())
                table
            >
                <LabelledMatrix
                    testid="sweep-heads"
                    layout=LAYOUT
                    label=Signal::stored(t("sweep-title").to_owned())
                    axes=t("attention-axes")
                    rows=Signal::derive(names)
                    columns=Signal::derive(numbers)
                    cell=Signal::derive(move || (side(), side()))
                    picture
                    scale=Signal::derive(scale)
                    selected=Signal::derive(move || Some(here()))
                    pointed
                    spoken=Callback::new(say)
                    on_choose=Callback::new(move |(head, layer): Cell| {
                        selection.select_head(layer, head);
                    })
                />
            </Figure>
            <p class="readout note" data-testid="sweep-head">
                {move || say(pointed.get().unwrap_or_else(here))}
            </p>
            <section class="panel attention-ranking">
                <ol class="attention-ranks">{ranks}</ol>
            </section>
        </Show>
    }
}
