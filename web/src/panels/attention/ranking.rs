use leptos::prelude::*;

use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::attention::look::value_words;
use crate::panels::attention::metric::{Metric, Values};
use crate::panels::attention::overview::values;
use crate::reactive::memo;
use crate::state::State;

/// Heads in the list.
const LONGEST: usize = 12;

/// The heads ranked by the current metric.
#[component]
pub fn Ranking(state: State, thumbnails: Inquiry, metric: Memo<Metric>) -> impl IntoView {
    let lowest_first = RwSignal::new(false);
    let selection = state.selection;
    let ranked = memo(move |_| {
        let values: Values = values(state, thumbnails, metric.get());
        let mut ranked = values.ranked(lowest_first.get());
        ranked.truncate(LONGEST);
        ranked
    });
    let row = move |(layer, head, value): (u32, u32, f64)| {
        let here = move || selection.layer.get() == layer && selection.head.get() == head;
        view! {
            <li>
                <button
                    type="button"
                    class="button button-quiet attention-ranked"
                    data-testid="attention-ranked"
                    data-layer=layer.to_string()
                    data-head=head.to_string()
                    data-value=value.to_string()
                    aria-pressed=move || here().to_string()
                    on:click=move |_| selection.select_head(layer, head)
                >
                    <span>{t!("attention-head-name", layer = layer, head = head)}</span>
                    <b>{value_words(value, metric.get_untracked().is_entropy())}</b>
                </button>
            </li>
        }
    };
    view! {
        <Show when=move || !ranked.with(Vec::is_empty)>
            <section class="panel attention-ranking" aria-labelledby="attention-ranking-heading">
                <div class="panel-head">
                    <h3 id="attention-ranking-heading">
                        {move || t!("attention-ranking", metric = metric.get().title())}
                    </h3>
                    <label class="check">
                        <input
                            type="checkbox"
                            data-testid="attention-lowest"
                            prop:checked=move || lowest_first.get()
                            on:change=move |event| lowest_first.set(event_target_checked(&event))
                        />
                        <span>{t("attention-lowest")}</span>
                    </label>
                </div>
                <ol class="attention-ranks">
                    {move || ranked.get().into_iter().map(row).collect_view()}
                </ol>
            </section>
        </Show>
    }
}
