use leptos::prelude::*;
use vitrine_sampling::Stage;

use super::Sampled;
use super::counted::draws;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::visible::shown_text;

/// Number of draws.
const DRAWS: u64 = 1000;
/// Tokens of the table.
const ROWS: usize = 15;

/// A thousand draws with successive seeds, compared with the expected counts.
#[component]
pub fn Many(sampled: Sampled) -> impl IntoView {
    let drawn = RwSignal::new(Vec::<(u32, u64)>::new());
    let first = sampled.pipeline.params().seed;
    let greedy = !sampled.pipeline.params().do_sample;
    let draw = {
        let sampled = sampled.clone();
        move |_| {
            let position = sampled.position.position;
            drawn.set(draws(&sampled.pipeline, first, position, DRAWS));
        }
    };
    let rows = move || {
        let drawn = drawn.get();
        let most = drawn.first().map_or(1, |it| it.1) as f64 / DRAWS as f64;
        drawn
            .into_iter()
            .take(ROWS)
            .map(|(id, times)| {
                let named = sampled.position.candidates.iter().find(|it| it.id == id);
                let name = match named {
                    Some(it) => shown_text(it.id, &it.bytes, it.token.as_deref()),
                    None => format!("#{id}"),
                };
                let expected = sampled.pipeline.probability(id, Stage::MinP);
                let share = times as f64 / DRAWS as f64;
                // One standard deviation of a share of this many draws.
                let spread = (expected * (1.0 - expected) / DRAWS as f64).sqrt();
                let most = most.max(expected);
                view! {
                    <tr data-testid="many-row" data-id=id.to_string() data-times=times.to_string()
                        data-probability=expected.to_string()>
                        <th scope="row" class="word">{name}</th>
                        <td>{times}</td>
                        <td class="sampling-cell">
                            <span class="sampling-bar"
                                style:inline-size=format!("{:.2}%", 100.0 * share / most)></span>
                            <span class="sampling-number">{format!("{:.1} %", 100.0 * share)}</span>
                        </td>
                        <td class="sampling-cell">
                            <span class="sampling-bar sampling-expected"
                                style:inline-size=format!("{:.2}%", 100.0 * expected / most)></span>
                            <span class="sampling-number">
                                {format!("{:.1} ± {:.1} %", 100.0 * expected, 100.0 * spread)}
                            </span>
                        </td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <section class="panel sampling" aria-labelledby="many-heading">
            <h3 id="many-heading">{t("sampling-many")}</h3>
            <p class="hint">{t!("sampling-many-note", first = first.to_string())}</p>
            <div class="button-row">
                <button
                    type="button"
                    class="button"
                    data-testid="draw-many"
                    disabled=greedy
                    on:click=draw
                >
                    {t("sampling-many-draw")}
                </button>
            </div>
            <Show when=move || drawn.with(|it| !it.is_empty())>
                <div class="sampling-scroll" tabindex="0" role="group"
                    aria-labelledby="many-heading">
                    <NumberTable
                        testid="many"
                        class="sampling-table"
                        heads=vec![
                            word(t("column-token")),
                            number(t("sampling-times")),
                            number(t("sampling-drawn-share")),
                            number(t("sampling-expected")),
                        ]
                        rows=rows.clone()
                    />
                </div>
            </Show>
        </section>
    }
}
