use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::attention::look::{Look, LookChoices};
use crate::panels::attention::metric::Metric;
use crate::panels::attention::{overview, ranking};
use crate::state::State;

/// What packets tell of attention: a number for each head at each new token. There is no model to
/// ask for more.
#[component]
pub fn RecordedAttention(state: State, bridge: Bridge) -> impl IntoView {
    let look = Look::new();
    let chosen = RwSignal::new(Metric::TokenEntropy);
    let metric = Memo::new(move |_| chosen.get());
    // Nothing is asked.
    let thumbnails = Inquiry::new(state, bridge);
    let choices = Metric::ALL
        .into_iter()
        .filter(|it| it.of_token())
        .map(|it| {
            view! {
                <option value=it.name() selected=move || chosen.get() == it>
                    {it.title()}
                </option>
            }
        })
        .collect_view();
    view! {
        <section class="panel attention-head" aria-labelledby="attention-heading">
            <h2 id="attention-heading">{t("view-attention")}</h2>
            <p class="hint">{t("recorded-attention")}</p>
            <div class="attention-choices">
                <label class="attention-metric">
                    <span>{t("attention-show")}</span>
                    <select
                        class="select"
                        data-testid="attention-metric"
                        on:change=move |event| {
                            chosen.set(Metric::of_name(&event_target_value(&event)));
                        }
                    >
                        {choices}
                    </select>
                </label>
                <LookChoices look />
            </div>
        </section>
        <overview::Overview state thumbnails metric look />
        <ranking::Ranking state thumbnails metric />
    }
}
