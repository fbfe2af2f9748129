use leptos::prelude::*;
use vitrine_protocol::AttentionReport;

use crate::components::figure::Figure;
use crate::components::number_table::{NumberTable, number};
use crate::format::runs;
use crate::i18n::t;

/// Width and height of a head, and the gap between two.
const SIDE: f64 = 26.0;
const GAP: f64 = 6.0;
/// Maximum query heads per row, which contains whole groups.
const LINE: u32 = 24;

/// The query heads and the key heads that they share.
#[component]
pub fn Groups(report: AttentionReport) -> impl IntoView {
    let kind = kind(&report);
    let windows = windows(&report.sliding_windows);
    let (heads, group) = (report.heads, report.group.max(1));
    let kv_heads = report.kv_heads;
    let table = move || {
        view! {
            <NumberTable
                heads=vec![
                    number(t("model-kv-head")),
                    number(t("model-query-heads")),
                ]
                rows=(0..kv_heads)
                        .map(|kv| {
                            let members: Vec<u32> = (kv * group..(kv + 1) * group).collect();
                            view! {
                                <tr>
                                    <th scope="row">{kv}</th>
                                    <td>{runs(&members)}</td>
                                </tr>
                            }
                        })
                        .collect_view()
            />
        }
        .into_any()
    };
    view! {
        <Figure
            testid="model-groups"
            title=Signal::stored(kind)
            note=Signal::stored(windows)
            table
        >
            {drawing(heads, kv_heads, group)}
        </Figure>
    }
}

fn drawing(heads: u32, kv_heads: u32, group: u32) -> impl IntoView {
    let per_line = (LINE / group).max(1).min(kv_heads.max(1));
    let lines = kv_heads.div_ceil(per_line);
    let group_width = f64::from(group) * SIDE + f64::from(group - 1) * 2.0 + GAP;
    let width = 56.0 + f64::from(per_line) * group_width;
    let line_height = 2.0 * SIDE + 40.0;
    let height = f64::from(lines) * line_height + 4.0;
    let label = t!(
        "model-groups-label",
        heads = heads,
        kv_heads = kv_heads,
        group = group
    );
    let marks = (0..kv_heads).map(move |kv| {
        let x = 48.0 + f64::from(kv % per_line) * group_width;
        let y = f64::from(kv / per_line) * line_height + 4.0;
        let middle = x + (group_width - GAP) / 2.0;
        let below = y + SIDE + 24.0;
        let queries = (0..group).map(move |member| {
            let left = x + f64::from(member) * (SIDE + 2.0);
            let centre = left + SIDE / 2.0;
            view! {
                <path class="groups-line" d=format!(
                    "M{centre} {} V{} H{middle} V{below}", y + SIDE, y + SIDE + 12.0
                ) />
                <rect class="groups-query" x=left y=y width=SIDE height=SIDE rx="4" />
                <text class="groups-name" x=centre y=y + SIDE / 2.0 + 4.0 text-anchor="middle">
                    {kv * group + member}
                </text>
            }
        });
        view! {
            {queries.collect_view()}
            <rect class="groups-key" x=middle - SIDE / 2.0 y=below width=SIDE height=SIDE rx="4" />
            <text class="groups-key-name" x=middle y=below + SIDE / 2.0 + 4.0 text-anchor="middle">
                {kv}
            </text>
        }
    });
    let titles = (0..lines).map(move |line| {
        let y = f64::from(line) * line_height + 4.0;
        view! {
            <text class="soft" x="0" y=y + SIDE / 2.0 + 4.0>"Q"</text>
            <text class="soft" x="0" y=y + SIDE * 1.5 + 28.0>"K, V"</text>
        }
    });
    view! {
        <svg class="graphic groups" width=width height=height viewBox=format!("0 0 {width} {height}")
            role="img" aria-label=label>
            {titles.collect_view()}
            {marks.collect_view()}
        </svg>
    }
}

fn kind(report: &AttentionReport) -> String {
    let name = match report.kind.as_str() {
        "MHA" => t("model-mha"),
        "MQA" => t("model-mqa"),
        _ => t("model-gqa"),
    };
    t!(
        "model-attention",
        kind = report.kind.as_str(),
        name = name,
        heads = report.heads,
        kv_heads = report.kv_heads
    )
}

/// A sentence about the sliding windows of the layers.
fn windows(windows: &[Option<u32>]) -> String {
    let mut sizes: Vec<u32> = windows.iter().flatten().copied().collect();
    sizes.sort_unstable();
    sizes.dedup();
    let of = |size: Option<u32>| -> Vec<u32> {
        let layers = (0..).zip(windows).filter(|(_, window)| **window == size);
        layers.map(|(layer, _)| layer).collect()
    };
    let mut sentences: Vec<String> = sizes
        .iter()
        .map(|&size| t!("model-window", size = size, layers = runs(&of(Some(size)))))
        .collect();
    let rest = of(None);
    if sizes.is_empty() {
        sentences.push(t("model-window-none").to_owned());
    } else if !rest.is_empty() {
        sentences.push(t!("model-window-rest", layers = runs(&rest)));
    }
    sentences.join(" ")
}
