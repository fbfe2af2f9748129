use leptos::prelude::*;

use crate::i18n::t;
use crate::panels::attention::look::{Look, LookChoices};
use crate::panels::attention::metric::Metric;

/// The panel's header: its explanation, and the choice of the metric.
#[component]
pub fn Heading(
    explanation: &'static str,
    /// The available statistics.
    metrics: Vec<Metric>,
    chosen: RwSignal<Metric>,
    look: Look,
    /// Content below the choices.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let choices = metrics
        .into_iter()
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
            <p class="hint">{explanation}</p>
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
            {children.map(|children| children())}
        </section>
    }
}
