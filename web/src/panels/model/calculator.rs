use leptos::prelude::*;
use vitrine_protocol::Question;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Event, HtmlInputElement};

use super::report::Report;
use super::report_of;
use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::state::State;

/// The same report of any model, from its config.json alone.
#[component]
pub fn Calculator(state: State, bridge: Bridge) -> impl IntoView {
    let inquiry = Inquiry::new(state, bridge);
    let json = RwSignal::new(String::new());
    let ask = move || {
        let json = json.get_untracked();
        if !json.trim().is_empty() {
            inquiry.ask(Question::InspectConfig {
                json,
                context: None,
            });
        }
    };
    let on_file = move |event: Event| {
        let input = event
            .target()
            .and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
        let file = input.and_then(|it| it.files()).and_then(|it| it.get(0));
        let Some(file) = file else { return };
        spawn_local(async move {
            if let Ok(text) = JsFuture::from(file.text()).await {
                json.set(text.as_string().unwrap_or_default());
                ask();
            }
        });
    };
    view! {
        <section
            class="panel model-panel"
            aria-labelledby="calculator-heading"
            data-testid="calculator"
        >
            <h2 id="calculator-heading">{t("calculator-heading")}</h2>
            <p class="hint">{t("calculator-note")}</p>
            <label class="field">
                <span class="field-label">"config.json"</span>
                <textarea
                    class="text calculator-json"
                    data-testid="calculator-json"
                    rows="6"
                    spellcheck="false"
                    prop:value=move || json.get()
                    on:input=move |event| json.set(event_target_value(&event))
                ></textarea>
            </label>
            <div class="button-row">
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="calculate"
                    disabled=move || json.with(|json| json.trim().is_empty())
                    on:click=move |_| ask()
                >
                    {t("calculator-ask")}
                </button>
                <label class="calculator-file">
                    <span>{t("calculator-file")}</span>
                    <input
                        type="file"
                        accept=".json,application/json"
                        data-testid="calculator-file"
                        on:change=on_file
                    />
                </label>
            </div>
            <AnswerStatus inquiry what=t("calculator-asking") />
            {move || inquiry.answered.with(|answered| {
                answered.as_deref().and_then(report_of)
            }).map(|it| view! { <Report state report=it testid="calculator-report" /> })}
        </section>
    }
}
