use leptos::prelude::*;
use vitrine_sampling::{Filter, Stage};

use super::Sampled;
use crate::format;
use crate::i18n::t;
use crate::pieces::piece_view;

/// Rows of the table.
const ROWS: usize = 20;

/// A table of the most probable tokens (rows) and the effect of each step (columns).
#[component]
pub fn Columns(sampled: Sampled) -> impl IntoView {
    let Sampled { position, pipeline } = sampled;
    let drawn = pipeline.draw(position.position);
    let mut candidates = position.candidates.clone();
    candidates.sort_by(|one, other| {
        let (one_scaled, other_scaled) = (pipeline.scaled(one.id), pipeline.scaled(other.id));
        other_scaled
            .total_cmp(&one_scaled)
            .then(one.id.cmp(&other.id))
    });
    candidates.truncate(ROWS);
    let kept = |stage: Stage| pipeline.kept(stage).count() as u64;
    let heads = [
        (t("sampling-top-k"), kept(Stage::TopK)),
        (t("sampling-top-p"), kept(Stage::TopP)),
        (t("sampling-min-p"), kept(Stage::MinP)),
    ];
    let highest = Stage::ALL.map(|stage| {
        let all = candidates
            .iter()
            .map(|it| pipeline.probability(it.id, stage));
        all.fold(f64::MIN_POSITIVE, f64::max)
    });
    let rows = candidates.into_iter().map(|it| {
        let removed = pipeline.removed_by(it.id);
        let cells = Stage::ALL.iter().zip(highest).map(|(&stage, highest)| {
            let probability = pipeline.probability(it.id, stage);
            let by = removed.filter(|filter| Some(*filter) == filter_of(stage));
            let gone = removed.is_some() && probability == 0.0;
            view! {
                <td class="sampling-cell" class:sampling-gone=gone>
                    {(!gone).then(|| view! {
                        <span
                            class="sampling-bar"
                            style:inline-size=format!("{:.2}%", 100.0 * probability / highest)
                        ></span>
                        <span class="sampling-number">{format::percent(probability)}</span>
                    })}
                    {by.map(|_| view! {
                        <span class="sampling-number">{t!("sampling-cut-by", step = name(stage))}</span>
                    })}
                </td>
            }
        });
        let cells = cells.collect_view();
        let is_drawn = it.id == drawn.id;
        view! {
            <tr
                class="sampling-row"
                class:sampling-cut=removed.is_some()
                class:sampling-drawn=is_drawn
                data-testid="sampling-row"
                data-id=it.id.to_string()
                data-logit=it.logit.to_string()
                data-scaled=pipeline.scaled(it.id).to_string()
                data-probability=pipeline.probability(it.id, Stage::MinP).to_string()
                data-removed-by=removed.map(|filter| match filter {
                    Filter::TopK => "top_k",
                    Filter::TopP => "top_p",
                    Filter::MinP => "min_p",
                })
                data-drawn=is_drawn.then_some("true")
            >
                <th scope="row" class="word">
                    {piece_view(it.id, &it.bytes, it.token.as_deref())}
                    {is_drawn.then(|| view! {
                        <span class="sampling-mark">{t("sampling-drawn")}</span>
                    })}
                </th>
                <td>{format!("{:.3}", it.logit)}</td>
                <td>{format!("{:.3}", pipeline.penalized(it.id))}</td>
                <td>{format!("{:.3}", pipeline.scaled(it.id))}</td>
                {cells}
            </tr>
        }
    });
    let rows = rows.collect_view();
    let all = pipeline.vocab_size() as u64;
    view! {
        <section class="panel sampling" aria-labelledby="columns-heading">
            <h3 id="columns-heading">{t!("sampling-columns", position = position.position)}</h3>
            <div class="sampling-scroll" tabindex="0" role="group"
                aria-labelledby="columns-heading">
                <table class="numbers sampling-table" data-testid="sampling-table"
                    data-position=position.position.to_string()>
                    <thead>
                        <tr>
                            <th scope="col" class="word">{t("column-token")}</th>
                            <th scope="col">{t("column-logit")}</th>
                            <th scope="col">{t("sampling-penalised")}</th>
                            <th scope="col">
                                {t!("sampling-scaled", temperature = pipeline.params().temperature)}
                            </th>
                            <th scope="col">
                                {t("sampling-softmax")}
                                <span class="sampling-kept">
                                    {t!("sampling-kept", count = format::count(all))}
                                </span>
                            </th>
                            {heads
                                .into_iter()
                                .map(|(name, kept)| view! {
                                    <th scope="col" data-kept=kept.to_string()>
                                        {name}
                                        <span class="sampling-kept">
                                            {t!("sampling-kept", count = format::count(kept))}
                                        </span>
                                    </th>
                                })
                                .collect_view()}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
}

/// The filter that a stage adds.
fn filter_of(stage: Stage) -> Option<Filter> {
    match stage {
        Stage::Scaled => None,
        Stage::TopK => Some(Filter::TopK),
        Stage::TopP => Some(Filter::TopP),
        Stage::MinP => Some(Filter::MinP),
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Scaled => t("sampling-softmax"),
        Stage::TopK => t("settings-top-k"),
        Stage::TopP => t("settings-top-p"),
        Stage::MinP => t("settings-min-p"),
    }
}
