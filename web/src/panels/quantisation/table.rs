use leptos::prelude::*;
use vitrine_protocol::FormatRow;

use crate::components::figure::Figure;
use crate::components::number_table::{GridTable, NumberTable, number, word};
use crate::format;
use crate::i18n::t;

/// The size and speed of each format, and its effect on the predictions.
#[component]
pub fn Rows(rows: Memo<Vec<FormatRow>>) -> impl IntoView {
    let body = move || {
        let rows = rows.get();
        let first = rows.first().map(|it| it.own_ids.clone());
        rows.into_iter()
            .map(|it| {
                let first = first.as_ref();
                let differs = first.and_then(|first| differs_at(first, &it.own_ids));
                let own = match differs {
                    None => t("compare-same").to_owned(),
                    Some(at) => t!("compare-differs", at = at + 1),
                };
                view! {
                    <tr data-testid="compare-row" data-format=it.format.clone()
                        data-bytes=it.weight_bytes.to_string()
                        data-mean-kl=it.mean_kl.to_string()
                        data-perplexity=it.perplexity.to_string()>
                        <th scope="row" class="word">{it.format.clone()}</th>
                        <td>{format::bytes(it.weight_bytes)}</td>
                        <td>{format::count(it.kv_bytes_per_token)}</td>
                        <td>{it.decode_tokens_per_s.map(format::rate)}</td>
                        <td>{divergence(it.mean_kl)}</td>
                        <td>{divergence(it.max_kl)}</td>
                        <td>{format!("{:.1} %", 100.0 * it.top1_agreement)}</td>
                        <td>{format!("{:.4}", it.perplexity)}</td>
                        <td>{own}</td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <section class="panel compare" aria-labelledby="compare-rows">
            <h3 id="compare-rows">{t("compare-rows")}</h3>
            <p class="hint">{t("compare-rows-note")}</p>
            <div class="compare-scroll" tabindex="0" role="group" aria-labelledby="compare-rows">
                <NumberTable
                    class="compare-table"
                    heads=vec![
                        word(t("model-format")),
                        number(t("model-weights")),
                        number(t("model-kv-per-token")),
                        number(t("speed-unit")),
                        number(t("compare-mean-kl")),
                        number(t("compare-max-kl")),
                        number(t("compare-agreement")),
                        number(t("compare-perplexity")),
                        number(t("compare-own")),
                    ]
                    rows=body
                />
            </div>
        </section>
    }
}

fn divergence(value: f64) -> String {
    if value == 0.0 || value >= 1e-3 {
        format!("{value:.4}")
    } else {
        format!("{value:.2e}")
    }
}

/// The first token at which two texts differ.
fn differs_at(one: &[u32], other: &[u32]) -> Option<usize> {
    let parted = one.iter().zip(other).position(|(one, other)| one != other);
    parted.or((one.len() != other.len()).then(|| one.len().min(other.len())))
}

const HEIGHT: f64 = 160.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 10.0;

/// The divergence at each position, one row of bars per format.
#[component]
pub fn Chart(rows: Memo<Vec<FormatRow>>) -> impl IntoView {
    let table = move || {
        let rows = rows.get();
        let columns = rows.iter().map(|it| it.format.clone()).collect();
        let positions = rows.first().map_or(0, |it| it.positions.len() as u32);
        let cell = move |position: u32, format: u32| {
            let row = rows.get(format as usize)?;
            let at = row.positions.get(position as usize)?;
            Some(divergence(at.kl))
        };
        view! { <GridTable corner=t("fact-position") columns rows=positions cell /> }
    };
    view! {
        <Figure
            testid="compare-chart"
            title=Signal::stored(t("compare-chart").to_owned())
            note=Signal::stored(t("compare-chart-note").to_owned())
            table
        >
            {move || drawing(&rows.get())}
        </Figure>
    }
}

fn drawing(rows: &[FormatRow]) -> impl IntoView + use<> {
    // The first format is the reference and has no divergence.
    let others: Vec<FormatRow> = rows.iter().skip(1).cloned().collect();
    let positions = rows.first().map_or(0, |it| it.positions.len()).max(1);
    let width = (820.0 / positions as f64).clamp(8.0, 40.0);
    let full = (LEFT + width * positions as f64 + 12.0).max(360.0);
    let tall = TOP + (HEIGHT + 30.0) * others.len().max(1) as f64;
    let most = others.iter().map(|it| it.max_kl).fold(1e-12, f64::max);
    let lanes = others.into_iter().enumerate().map(move |(lane, row)| {
        let floor = TOP + (HEIGHT + 30.0) * lane as f64 + HEIGHT;
        let bars = row.positions.iter().enumerate().map(move |(position, it)| {
            let height = HEIGHT * it.kl / most;
            let x = LEFT + width * position as f64;
            view! {
                <rect class="compare-bar" class:compare-other={!it.agrees} x=x y=floor - height
                    width=width - 2.0 height=height></rect>
                {(!it.agrees).then(|| view! {
                    <text x=x + width / 2.0 - 1.0 y=floor - height - 4.0 text-anchor="middle">
                        "≠"
                    </text>
                })}
                {(position % 4 == 0).then(|| view! {
                    <text class="soft" x=x + width / 2.0 - 1.0 y=floor + 16.0 text-anchor="middle">
                        {position}
                    </text>
                })}
            }
        });
        view! {
            <line class="axis" x1=LEFT x2=full y1=floor y2=floor></line>
            <text x=LEFT - 8.0 y=floor - 4.0 text-anchor="end">{row.format.clone()}</text>
            <text class="soft" x=LEFT - 8.0 y=floor - HEIGHT + 10.0 text-anchor="end">
                {divergence(most)}
            </text>
            {bars.collect_view()}
        }
    });
    view! {
        <svg class="graphic compare-graphic" width=full height=tall
            viewBox=format!("0 0 {full} {tall}") role="img" aria-label=t("compare-chart")>
            {lanes.collect_view()}
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::differs_at;

    #[test]
    fn texts_part_where_they_differ_or_end() {
        assert_eq!(differs_at(&[1, 2], &[1, 2]), None);
        assert_eq!(differs_at(&[1, 2], &[1, 3]), Some(1));
        assert_eq!(differs_at(&[1, 2], &[1]), Some(1));
    }
}
