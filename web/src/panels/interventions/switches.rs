use leptos::prelude::*;
use vitrine_protocol::Intervention;

use crate::components::figure::Figure;
use crate::components::matrix::{Cell, Matrix};
use crate::components::number_table::{NumberTable, word};
use crate::draw::labels;
use crate::i18n::t;
use crate::reactive::memo;
use crate::state::State;

const LEFT: f64 = 84.0;
const TOP: f64 = 44.0;
const WIDTH: f64 = 700.0;

/// The part that a switch controls.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Head(u32),
    Attention,
    Mlp,
}

fn part(row: u32, heads: u32) -> Part {
    match row.checked_sub(heads) {
        None => Part::Head(row),
        Some(0) => Part::Attention,
        Some(_) => Part::Mlp,
    }
}

/// Whether an intervention switches a part of a layer off.
fn is_of(intervention: &Intervention, part: Part, of: u32) -> bool {
    match (intervention, part) {
        (Intervention::Head { layer, head, .. }, Part::Head(row)) => *layer == of && *head == row,
        (Intervention::SkipAttention { layer }, Part::Attention)
        | (Intervention::SkipMlp { layer }, Part::Mlp) => *layer == of,
        _ => false,
    }
}

/// Toggles a part.
fn toggle(interventions: &mut Vec<Intervention>, part: Part, layer: u32, mean: bool) {
    let before = interventions.len();
    interventions.retain(|it| !is_of(it, part, layer));
    if interventions.len() == before {
        interventions.push(match part {
            Part::Head(head) => Intervention::Head {
                layer,
                head,
                factor: 0.0,
                mean,
            },
            Part::Attention => Intervention::SkipAttention { layer },
            Part::Mlp => Intervention::SkipMlp { layer },
        });
    }
}

/// A switch for each head, and for attention and MLP of each layer.
#[component]
pub fn Switches(state: State) -> impl IntoView {
    let interventions = state.interventions;
    let selection = state.selection;
    let mean = RwSignal::new(false);
    let shape = memo(move |_| {
        state.loaded.with(|loaded| {
            let model = &loaded.as_ref()?.model;
            Some((model.num_attention_heads, model.num_hidden_layers))
        })
    });
    let heads = move || shape.get().map_or(0, |(heads, _)| heads);
    let pointed = RwSignal::new(None);
    let name = move |(row, layer): Cell| match part(row, heads()) {
        Part::Head(head) => t!("attention-head-name", layer = layer, head = head),
        Part::Attention => t!("interventions-attention", layer = layer),
        Part::Mlp => t!("interventions-mlp", layer = layer),
    };
    let is_off = move |(row, layer): Cell| {
        let part = part(row, heads());
        interventions.with(|all| all.iter().any(|it| is_of(it, part, layer)))
    };
    let say = move |cell: Cell| {
        let now = if is_off(cell) {
            t("interventions-off")
        } else {
            t("interventions-on")
        };
        format!("{}: {now}", name(cell))
    };
    let choose = move |(row, layer): Cell| {
        let part = part(row, untrack(heads));
        if let Part::Head(head) = part {
            selection.select_head(layer, head);
        }
        interventions.update(|all| toggle(all, part, layer, mean.get_untracked()));
    };
    // The choice also applies to heads that are already off.
    let set_mean = move |now: bool| {
        mean.set(now);
        interventions.update(|all| {
            for it in all.iter_mut() {
                if let Intervention::Head { mean, .. } = it {
                    *mean = now;
                }
            }
        });
    };
    let off = move || interventions.with(Vec::len);
    let table = move || {
        let (heads, layers) = shape.get().unwrap_or_default();
        let all = (0..layers).flat_map(|layer| (0..heads + 2).map(move |row| (row, layer)));
        let rows = all.filter(|cell| is_off(*cell));
        let rows = rows.map(|cell| view! { <tr><td class="word">{name(cell)}</td></tr> });
        view! {
            <NumberTable
                heads=vec![
                    word(t("interventions-are-off")),
                ]
                rows=rows.collect_view()
            />
        }
    };
    view! {
        <Show when=move || shape.get().is_some()>
            <Figure
                testid="interventions-switches"
                title=Signal::stored(t("interventions-switches").to_owned())
                note=Signal::stored(t("interventions-switches-note").to_owned())
                table
            >
                {move || {
                    let (heads, layers) = shape.get().unwrap_or_default();
                    let side = (WIDTH / f64::from(layers.max(1))).clamp(14.0, 40.0);
                    let (width, height) = (f64::from(layers) * side, f64::from(heads + 2) * side);
                    let names = (0..heads)
                        .map(|head| t!("attention-tile-name", head = head))
                        .chain([
                            t("interventions-row-attention").to_owned(),
                            t("interventions-row-mlp").to_owned(),
                        ])
                        .collect::<Vec<_>>();
                    let numbers: Vec<String> = (0..layers).map(|it| it.to_string()).collect();
                    view! {
                        <svg
                            class="graphic graphic-sized"
                            width=LEFT + width + 8.0
                            height=TOP + height + 8.0
                            viewBox=format!("0 0 {} {}", LEFT + width + 8.0, TOP + height + 8.0)
                        >
                            <text class="soft" x="0" y="14">{t("attention-axes")}</text>
                            <g transform=format!("translate({LEFT} {TOP})")>
                                <g aria-hidden="true">
                                    {labels::rows(&names, side, None)}
                                    {labels::columns(&numbers, side, None, false)}
                                </g>
                                <Matrix
                                    testid="interventions-grid"
                                    label=Signal::stored(t("interventions-switches").to_owned())
                                    size=Signal::derive(move || (heads + 2, layers))
                                    cell=Signal::derive(move || (side, side))
                                    picture=Signal::derive(|| None::<String>)
                                    selected=Signal::derive(move || {
                                        Some((selection.head.get(), selection.layer.get()))
                                    })
                                    pointed
                                    spoken=Callback::new(say)
                                    on_choose=Callback::new(choose)
                                >
                                    {move || {
                                        let (on, off) = paths(heads, layers, side, is_off);
                                        view! {
                                            <path class="switch-on" d=on />
                                            <path class="switch-off" d=off />
                                        }
                                    }}
                                </Matrix>
                            </g>
                        </svg>
                    }
                }}
            </Figure>
            <div class="panel interventions-choices">
                <p
                    class="readout"
                    data-testid="interventions-off"
                    data-count=move || off().to_string()
                >
                    {move || match pointed.get() {
                        Some(cell) => say(cell),
                        None => t!("interventions-count", count = off()),
                    }}
                </p>
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="interventions-mean"
                        prop:checked=move || mean.get()
                        on:change=move |event| set_mean(event_target_checked(&event))
                    />
                    <span>{t("interventions-mean")}</span>
                </label>
                <button
                    type="button"
                    class="button button-quiet"
                    data-testid="interventions-reset"
                    disabled=move || off() == 0
                    on:click=move |_| interventions.set(Vec::new())
                >
                    {t("interventions-reset")}
                </button>
            </div>
        </Show>
    }
}

/// A square for each part that is on, and a cross for each part that is off.
fn paths(heads: u32, layers: u32, side: f64, is_off: impl Fn(Cell) -> bool) -> (String, String) {
    let (mut on, mut off) = (String::new(), String::new());
    for row in 0..heads + 2 {
        for layer in 0..layers {
            let (x, y) = (f64::from(layer) * side, f64::from(row) * side);
            let (gap, inner) = (side * 0.12, side * 0.76);
            if is_off((row, layer)) {
                off.push_str(&format!(
                    "M {} {} l {inner} {inner} m 0 -{inner} l -{inner} {inner} ",
                    x + gap,
                    y + gap
                ));
            } else {
                on.push_str(&format!(
                    "M {} {} h {inner} v {inner} h -{inner} Z ",
                    x + gap,
                    y + gap
                ));
            }
        }
    }
    (on, off)
}

#[cfg(test)]
mod tests {
    use vitrine_protocol::Intervention;

    use super::{Part, part, toggle};

    #[test]
    fn a_switch_goes_off_and_on_again() {
        let mut all = Vec::new();
        toggle(&mut all, Part::Head(2), 5, true);
        toggle(&mut all, Part::Mlp, 5, true);
        let head = Intervention::Head {
            layer: 5,
            head: 2,
            factor: 0.0,
            mean: true,
        };
        assert_eq!(all, [head, Intervention::SkipMlp { layer: 5 }]);
        toggle(&mut all, Part::Head(2), 5, false);
        assert_eq!(all, [Intervention::SkipMlp { layer: 5 }]);
    }

    #[test]
    fn below_the_heads_are_attention_and_mlp() {
        assert_eq!(part(8, 9), Part::Head(8));
        assert_eq!(part(9, 9), Part::Attention);
        assert_eq!(part(10, 9), Part::Mlp);
    }
}
