use leptos::prelude::*;

use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number};
use crate::i18n::t;
use crate::panels::rope::turns::Turns;

const LEFT: f64 = 84.0;
const TOP: f64 = 16.0;
const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 200.0;

/// The rotation speed of each pair.
#[component]
pub fn Frequencies(turns: Memo<Option<Turns>>) -> impl IntoView {
    let inv_freq = move || {
        turns.with(|it| {
            it.as_ref()
                .map(|it| it.inv_freq().to_vec())
                .unwrap_or_default()
        })
    };
    let table = move || {
        let row = |(pair, value): (usize, f32)| {
            view! {
                <tr>
                    <th scope="row">{pair}</th>
                    <td>{value}</td>
                    <td>{format!("{:.2}", std::f32::consts::TAU / value)}</td>
                </tr>
            }
        };
        view! {
            <NumberTable
                heads=vec![
                    number(t("rope-pair")),
                    number("inv_freq"),
                    number(t("rope-wavelength")),
                ]
                rows=inv_freq().into_iter().enumerate().map(row).collect_view()
            />
        }
    };
    view! {
        <Figure
            testid="rope-frequencies"
            title=Signal::stored(t("rope-frequencies").to_owned())
            note=Signal::stored(t("rope-frequencies-note").to_owned())
            table
        >
            {move || chart(&inv_freq())}
        </Figure>
    }
}

fn chart(inv_freq: &[f32]) -> impl IntoView + use<> {
    let positive = || {
        inv_freq
            .iter()
            .filter(|&&it| it > 0.0)
            .map(|&it| f64::from(it))
    };
    let high = positive().fold(f64::MIN_POSITIVE, f64::max).log10().ceil();
    let low = positive()
        .fold(f64::MAX, f64::min)
        .log10()
        .floor()
        .min(high - 1.0);
    let last = inv_freq.len().max(2) - 1;
    let x = move |pair: usize| LEFT + WIDTH * pair as f64 / last as f64;
    let y = move |value: f64| TOP + HEIGHT * (high - value.log10()) / (high - low);
    let bars = inv_freq
        .iter()
        .enumerate()
        .filter(|(_, value)| **value > 0.0)
        .map(|(pair, value)| {
            view! {
                <circle
                    class="rope-point"
                    cx=x(pair)
                    cy=y(f64::from(*value))
                    r="4"
                    data-testid="rope-frequency"
                    data-pair=pair.to_string()
                    data-value=value.to_string()
                />
            }
        })
        .collect_view();
    let ticks = (low as i32..=high as i32)
        .map(|power| {
            let y = y(10_f64.powi(power));
            view! {
                <path class="gridline" d=format!("M {LEFT} {y} h {WIDTH}") />
                <text class="soft" x=LEFT - 8.0 y=y text-anchor="end" dominant-baseline="central">
                    {format!("{}", 10_f64.powi(power))}
                </text>
            }
        })
        .collect_view();
    let step = inv_freq.len().div_ceil(12).max(1);
    let pairs = (0..inv_freq.len())
        .step_by(step)
        .map(|pair| {
            view! {
                <text class="soft" x=x(pair) y=TOP + HEIGHT + 20.0 text-anchor="middle">
                    {pair}
                </text>
            }
        })
        .collect_view();
    let (width, height) = (LEFT + WIDTH + 20.0, TOP + HEIGHT + 46.0);
    view! {
        <svg
            class="graphic graphic-sized"
            role="img"
            tabindex="0"
            aria-label=t("rope-frequencies")
            width=width
            height=height
            viewBox=format!("0 0 {width} {height}")
        >
            {ticks}
            {bars}
            {pairs}
            <text class="soft" x=LEFT + WIDTH / 2.0 y=height - 6.0 text-anchor="middle">
                {t("rope-frequencies-axis")}
            </text>
        </svg>
    }
}
