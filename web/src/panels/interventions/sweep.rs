use leptos::prelude::*;
use vitrine_protocol::{Answer, AnswerPart, HeadEffect, Question};

use crate::bridge::Bridge;
use crate::components::asking::Asking;
use crate::components::figure::Figure;
use crate::components::matrix::{Cell, Matrix};
use crate::draw::colour::magnitude;
use crate::draw::labels;
use crate::draw::legend::legend;
use crate::draw::raster::Raster;
use crate::format;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::state::State;

const LEFT: f64 = 84.0;
const TOP: f64 = 44.0;
const WIDTH: f64 = 700.0;
/// Heads in the list.
const LONGEST: usize = 8;

/// Each head switched off in turn: which of them the next token depends on.
#[component]
pub fn Sweep(state: State, bridge: Bridge) -> impl IntoView {
    let selection = state.selection;
    let sweep = Inquiry::new(state, bridge);
    let effects = RwSignal::new(Vec::<HeadEffect>::new());
    Effect::new(move |_| {
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
    let shape = Memo::new(move |_| {
        state.loaded.with(|loaded| {
            let model = loaded.as_ref().map(|it| &it.model);
            model.map_or((0, 0), |it| (it.num_attention_heads, it.num_hidden_layers))
        })
    });
    let most =
        Memo::new(move |_| effects.with(|all| all.iter().map(|it| it.kl).fold(1e-9, f64::max)));
    let picture = Memo::new(move |_| {
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
            <table class="numbers">
                <thead>
                    <tr>
                        <th scope="col">{t("selection-layer")}</th>
                        <th scope="col">{t("selection-head")}</th>
                        <th scope="col">"KL (nats)"</th>
                        <th scope="col">{t("interventions-answer")}</th>
                    </tr>
                </thead>
                <tbody>{ranked().into_iter().map(row).collect_view()}</tbody>
            </table>
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
                <button
                    type="button"
                    class="button"
                    data-testid="sweep-stop"
                    disabled=move || !sweep.pending()
                    on:click=move |_| sweep.withdraw()
                >
                    {t("stop")}
                </button>
            </div>
            <Asking state inquiry=sweep />
        </section>
        <Show when=move || !effects.with(Vec::is_empty)>
            <Figure
                testid="sweep"
                title=Signal::stored(t("sweep-title").to_owned())
                note=Signal::stored(t("sweep-note").to_owned())
                table
            >
                {move || {
                    let (heads, layers) = shape.get();
                    let side = (WIDTH / f64::from(layers.max(1))).clamp(14.0, 40.0);
                    let (width, height) = (f64::from(layers) * side, f64::from(heads) * side);
                    let names: Vec<String> =
                        (0..heads).map(|head| t!("attention-tile-name", head = head)).collect();
                    let numbers: Vec<String> = (0..layers).map(|it| it.to_string()).collect();
                    let full = (LEFT + width, TOP + height + 48.0);
                    view! {
                        <svg
                            class="graphic graphic-sized"
                            width=full.0 + 8.0
                            height=full.1
                            viewBox=format!("0 0 {} {}", full.0 + 8.0, full.1)
                        >
                            <text class="soft" x="0" y="14">{t("attention-axes")}</text>
                            <g transform=format!("translate({LEFT} {TOP})")>
                                <g aria-hidden="true">
                                    {labels::rows(&names, side, None)}
                                    {labels::columns(&numbers, side, None, false)}
                                </g>
                                <Matrix
                                    testid="sweep-heads"
                                    label=Signal::stored(t("sweep-title").to_owned())
                                    size=shape
                                    cell=Signal::derive(move || (side, side))
                                    picture
                                    selected=Signal::derive(move || Some(here()))
                                    pointed
                                    spoken=Callback::new(say)
                                    on_choose=Callback::new(move |(head, layer): Cell| {
                                        selection.select_head(layer, head);
                                    })
                                />
                            </g>
                            <g transform=format!("translate({LEFT} {})", TOP + height + 14.0)>
                                {move || legend(280.0, magnitude, vec![
                                    (0.0, String::from("0")),
                                    (0.5, format!("{:.4}", most.get() / 4.0)),
                                    (1.0, format!("{:.4} nats", most.get())),
                                ])}
                            </g>
                        </svg>
                    }
                }}
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
