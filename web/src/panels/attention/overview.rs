use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::{Answer, Answered, TokenPacket};

use crate::components::figure::Figure;
use crate::components::matrix::{Cell, Matrix};
use crate::draw::colour::{Rgb, magnitude};
use crate::draw::labels;
use crate::draw::legend::legend;
use crate::draw::raster::Raster;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::attention::look::{Look, value_words};
use crate::panels::attention::metric::{Metric, Values};
use crate::reactive::memo;
use crate::state::State;
use crate::visible;

/// Space left of the cells for brackets of the key heads and numbers of the heads, in units of the graphic.
const LEFT: f64 = 74.0;
const TOP: f64 = 44.0;
/// Width of all layers together.
const WIDTH: f64 = 715.0;
/// Pixels per side of a thumbnail in the picture.
const PIXELS: u32 = 24;

/// Query heads, layers and key heads of the loaded model.
fn shape(state: State) -> (u32, u32, u32) {
    state.model().map_or((0, 0, 1), |model| {
        (
            model.num_attention_heads,
            model.num_hidden_layers,
            model.num_key_value_heads.max(1),
        )
    })
}

/// The packet of the shown token, and the token's text.
pub fn shown_packet(state: State) -> Option<(u32, String, Arc<TokenPacket>)> {
    let strip = state.strip;
    let position = strip.shown()?;
    let token = strip.token(position)?;
    Some((position, visible::label(&token.piece), token.packet?))
}

/// The metric of all heads. Tracks its inputs.
pub fn values(state: State, thumbnails: Inquiry, metric: Metric) -> Values {
    if metric.of_token() {
        let packet = shown_packet(state);
        return Values::of(metric, &[], packet.as_ref().map(|(.., packet)| &**packet));
    }
    thumbnails
        .answered
        .with(|answered| match answered.as_deref() {
            Some(Answered {
                answer: Answer::AttentionThumbnails(report),
                ..
            }) => Values::of(metric, &report.heads, None),
            _ => Values::default(),
        })
}

/// All heads of all layers: columns are layers, rows are query heads.
#[component]
pub fn Overview(
    state: State,
    thumbnails: Inquiry,
    metric: Memo<Metric>,
    look: Look,
) -> impl IntoView {
    let selection = state.selection;
    let shape = memo(move |_| shape(state));
    let size = memo(move |_| (shape.get().0, shape.get().1));
    let values = memo(move |_| values(state, thumbnails, metric.get()));
    let cell = memo(move |_| {
        let side = (WIDTH / f64::from(shape.get().1.max(1))).clamp(12.0, 48.0);
        (side, side)
    });
    let top_value = move || {
        if metric.get().is_entropy() {
            values.with(Values::max)
        } else {
            1.0
        }
    };
    let shade = move |value: f64| {
        if metric.get().is_entropy() {
            value / top_value().max(f64::MIN_POSITIVE)
        } else {
            look.shade(value)
        }
    };
    let picture = memo(move |_| {
        let (heads, layers, _) = shape.get();
        if metric.get() == Metric::Maps {
            return thumbnails.answered.with(|answered| {
                let tensor = answered.as_ref()?.tensors.first()?;
                maps(tensor.bytes(), &tensor.shape, look)
            });
        }
        let mut raster = Raster::new(layers, heads);
        for layer in 0..layers {
            for head in 0..heads {
                if let Some(value) = values.with(|values| values.at(layer, head)) {
                    raster.paint(layer, head, magnitude(shade(value)));
                }
            }
        }
        raster.url()
    });
    let pointed = RwSignal::new(None);
    let words = move |(head, layer): Cell| {
        let name = t!("attention-head-name", layer = layer, head = head);
        let (heads, _, kv_heads) = shape.get();
        let group = t!("attention-reads", kv_head = head * kv_heads / heads.max(1));
        match values.with(|values| values.at(layer, head)) {
            Some(value) => format!(
                "{name}, {group}: {} {}",
                metric.get().title(),
                value_words(value, metric.get().is_entropy())
            ),
            None => format!("{name}, {group}"),
        }
    };
    let here = move || (selection.head.get(), selection.layer.get());
    let title = move || {
        let metric = metric.get();
        match shown_packet(state) {
            Some((position, token, _)) if metric.of_token() => t!(
                "attention-overview-token",
                metric = metric.title(),
                token = token,
                position = position
            ),
            _ => t!("attention-overview", metric = metric.title()),
        }
    };
    let note = move || {
        if metric.get() == Metric::Maps {
            t("attention-overview-maps")
        } else if metric.get().of_token() && shown_packet(state).is_none() {
            t("attention-no-packet")
        } else if metric.get().of_token() {
            t("attention-from-packet")
        } else if metric.get() == Metric::Induction && values.with(Values::is_empty) {
            t("attention-no-induction")
        } else {
            t("attention-from-scores")
        }
        .to_owned()
    };
    let table = move || {
        let (heads, layers, _) = shape.get();
        let rows = (0..layers).flat_map(|layer| (0..heads).map(move |head| (layer, head)));
        let row = move |(layer, head): (u32, u32)| {
            let value = values.with(|values| values.at(layer, head));
            view! {
                <tr>
                    <td>{layer}</td>
                    <td>{head}</td>
                    <td>{value.map(|value| value.to_string())}</td>
                </tr>
            }
        };
        view! {
            <table class="numbers">
                <thead>
                    <tr>
                        <th scope="col">{t("selection-layer")}</th>
                        <th scope="col">{t("selection-head")}</th>
                        <th scope="col">{metric.get().title()}</th>
                    </tr>
                </thead>
                <tbody>{rows.map(row).collect_view()}</tbody>
            </table>
        }
    };
    view! {
        <Figure
            testid="attention-overview"
            title=Signal::derive(title)
            note=Signal::derive(note)
            table
        >
            {move || {
                let (heads, layers, kv_heads) = shape.get();
                let (side, _) = cell.get();
                let (width, height) = (f64::from(layers) * side, f64::from(heads) * side);
                view! {
                    <svg
                        class="graphic graphic-sized"
                        width=LEFT + width + 8.0
                        height=TOP + height + 44.0
                        viewBox=format!("0 0 {} {}", LEFT + width + 8.0, TOP + height + 44.0)
                        data-testid="attention-metric-shown"
                        data-metric=move || metric.get().name()
                    >
                        <text class="soft" x="0" y="12">{t("attention-axes")}</text>
                        <g transform=format!("translate({LEFT} {TOP})")>
                            <g aria-hidden="true">
                                {brackets(heads, kv_heads, side)}
                                {move || labels::rows(
                                    &numbers(heads),
                                    side,
                                    Some(selection.head.get()),
                                )}
                                <g transform="translate(0 2)">
                                    {move || labels::columns(
                                        &numbers(layers),
                                        side,
                                        Some(selection.layer.get()),
                                        false,
                                    )}
                                </g>
                            </g>
                            <Matrix
                                testid="attention-heads"
                                label=Signal::derive(title)
                                size
                                cell
                                picture
                                selected=Signal::derive(move || Some(here()))
                                pointed
                                spoken=Callback::new(words)
                                on_choose=Callback::new(move |(head, layer): Cell| {
                                    selection.select_head(layer, head);
                                })
                            >
                                {lines(layers, heads, side)}
                            </Matrix>
                        </g>
                        <g aria-hidden="true" transform=format!(
                            "translate({LEFT} {})",
                            TOP + height + 12.0,
                        )>
                            {move || if metric.get().is_entropy() {
                                let top = top_value();
                                let words = vec![
                                    (0.0, String::from("0")),
                                    (0.5, format!("{:.2}", top / 2.0)),
                                    (1.0, format!("{top:.2} nats")),
                                ];
                                legend(280.0, magnitude, words).into_any()
                            } else {
                                look.legend().into_any()
                            }}
                        </g>
                    </svg>
                }
            }}
        </Figure>
        <p
            class="readout note"
            data-testid="attention-head-shown"
            data-layer=move || selection.layer.get().to_string()
            data-head=move || selection.head.get().to_string()
            data-value=move || {
                let value = values.with(|it| it.at(selection.layer.get(), selection.head.get()));
                value.map(|value| value.to_string())
            }
        >
            {move || words(pointed.get().unwrap_or_else(here))}
        </p>
    }
}

/// A picture with the thumbnails of all heads.
fn maps(bytes: &[u8], shape: &[u32], look: Look) -> Option<String> {
    let &[layers, heads, side, _] = shape else {
        return None;
    };
    let palette: Vec<Rgb> = look.palette();
    let hide_first = look.hide_first.get() && side > 1;
    let mut raster = Raster::new(layers * PIXELS, heads * PIXELS);
    for layer in 0..layers {
        for head in 0..heads {
            let begin = ((layer * heads + head) * side * side) as usize;
            for y in 0..PIXELS {
                for x in 0..PIXELS {
                    let (row, column) = (y * side / PIXELS, x * side / PIXELS);
                    if column > row || (hide_first && column == 0) {
                        continue;
                    }
                    let at = begin + (row * side + column) as usize;
                    let colour = palette[usize::from(*bytes.get(at)?)];
                    raster.paint(layer * PIXELS + x, head * PIXELS + y, colour);
                }
            }
        }
    }
    raster.url()
}

/// `0`, `1`, `2`, …
pub fn numbers(count: u32) -> Vec<String> {
    (0..count).map(|it| it.to_string()).collect()
}

/// Which query heads share a key head.
fn brackets(heads: u32, kv_heads: u32, side: f64) -> impl IntoView {
    let group = f64::from(heads) / f64::from(kv_heads);
    (0..kv_heads)
        .map(|kv_head| {
            let top = f64::from(kv_head) * group * side + 2.0;
            let bottom = f64::from(kv_head + 1) * group * side - 2.0;
            let words = (group * side >= 12.0).then(|| format!("KV {kv_head}"));
            view! {
                <path class="bracket" d=format!("M -26 {top} h -5 V {bottom} h 5") />
                <text
                    class="soft"
                    x="-36"
                    y=(top + bottom) / 2.0
                    text-anchor="end"
                    dominant-baseline="central"
                >
                    {words}
                </text>
            }
        })
        .collect_view()
}

/// Lines between the cells.
pub fn lines(columns: u32, rows: u32, side: f64) -> impl IntoView {
    let (width, height) = (f64::from(columns) * side, f64::from(rows) * side);
    let mut path = String::new();
    for column in 0..=columns {
        path.push_str(&format!("M {} 0 V {height} ", f64::from(column) * side));
    }
    for row in 0..=rows {
        path.push_str(&format!("M 0 {} H {width} ", f64::from(row) * side));
    }
    view! { <path class="matrix-lines" d=path /> }
}
