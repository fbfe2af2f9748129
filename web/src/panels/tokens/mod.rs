mod characters;

use std::time::Duration;

use leptos::prelude::*;
use vitrine_protocol::{Answer, Question, TokenEntry, TokenizeReport};

use crate::bridge::Bridge;
use crate::components::answer_status::AnswerStatus;
use crate::components::number_table::{NumberTable, number, word};
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::pieces::piece_view;
use crate::reactive::{effect, memo};
use crate::state::State;
use crate::visible::shown_text;

/// Delay after the last key before the text is tokenised.
const PAUSE: Duration = Duration::from_millis(250);
/// Rows of the table.
const ROWS: usize = 400;

/// How the text of the prompt becomes token ids, as it is typed.
#[component]
pub fn TokensPanel(state: State, bridge: Bridge) -> impl IntoView {
    let prompt = state.settings.prompt;
    let typed = RwSignal::new(prompt.get_untracked());
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    effect(move || {
        prompt.track();
        stop();
        let set = move || typed.set(prompt.get_untracked());
        timer.set_value(set_timeout_with_handle(set, PAUSE).ok());
    });
    on_cleanup(stop);

    let special = RwSignal::new(true);
    let plain = Inquiry::new(state, bridge);
    plain.follow(move || {
        state
            .loaded
            .with(Option::is_some)
            .then(|| Question::Tokenize {
                text: typed.get(),
                special: special.get(),
            })
    });
    let has_template = memo(move |_| {
        let loaded = state.loaded;
        loaded.with(|it| it.as_ref().is_some_and(|it| it.model.has_chat_template))
    });
    let chat = Inquiry::new(state, bridge);
    chat.follow(move || {
        has_template
            .get()
            .then(|| Question::Render { user: typed.get() })
    });
    view! {
        <section class="panel tokens" aria-labelledby="tokens-heading" data-testid="tokens-panel">
            <h2 id="tokens-heading">{t("tokens-heading")}</h2>
            <p class="hint">{t("tokens-note")}</p>
            <label class="field">
                <span class="field-label">{t("tokens-text")}</span>
                <textarea
                    class="text"
                    rows="3"
                    data-testid="tokens-text"
                    prop:value=move || prompt.get()
                    on:input=move |event| prompt.set(event_target_value(&event))
                ></textarea>
            </label>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="tokens-special"
                    prop:checked=move || special.get()
                    on:change=move |event| special.set(event_target_checked(&event))
                />
                <span>{t("tokens-special")}</span>
            </label>
            <Show when=move || state.loaded.with(Option::is_none)>
                <p class="hint">{t("tokens-no-model")}</p>
            </Show>
            <AnswerStatus inquiry=plain what=t("tokens-asking") />
            {move || report(plain).map(|it| view! { <Tokenized report=it testid="tokenized" /> })}
        </section>
        <Show when=move || has_template.get()>
            <section class="panel tokens" aria-labelledby="template-heading">
                <h2 id="template-heading">{t("tokens-template")}</h2>
                <p class="hint">{t("tokens-template-note")}</p>
                <AnswerStatus inquiry=chat what=t("tokens-asking") />
                {move || report(chat).map(|it| view! {
                    <pre class="tokens-rendered" data-testid="rendered" tabindex="0">
                        {it.text.clone()}
                    </pre>
                    <Tokenized report=it testid="template-tokens" />
                })}
            </section>
        </Show>
    }
}

fn report(inquiry: Inquiry) -> Option<TokenizeReport> {
    inquiry
        .answered
        .with(|answered| match &answered.as_deref()?.answer {
            Answer::Tokenize(report) | Answer::Render(report) => Some(report.clone()),
            _ => None,
        })
}

/// Tokens of a text: side by side, and as a table.
#[component]
fn Tokenized(report: TokenizeReport, testid: &'static str) -> impl IntoView {
    let bytes: usize = report.tokens.iter().map(|it| it.bytes.len()).sum();
    let characters = report.text.chars().count();
    let count = report.tokens.len();
    let ids: Vec<String> = report.tokens.iter().map(|it| it.id.to_string()).collect();
    let groups = characters::groups(report.tokens.iter().map(|it| it.bytes.as_slice()));
    let chips = groups.iter().map(|group| {
        let tokens = report.tokens.get(group.clone()).unwrap_or_default();
        let split = tokens.len() > 1;
        let character = split.then(|| {
            let bytes: Vec<u8> = tokens.iter().flat_map(|it| it.bytes.clone()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        view! {
            <span class="tokens-group" class:tokens-split=split>
                {character.map(|it| view! {
                    <span class="tokens-whole" title=t("tokens-split")>{it}</span>
                })}
                {tokens
                    .iter()
                    .map(|it| view! {
                        <span class="tokens-chip">
                            {piece_view(it.id, &it.bytes, it.text.as_deref())}
                            <span class="tokens-id">{it.id}</span>
                        </span>
                    })
                    .collect_view()}
            </span>
        }
    });
    let rows = report.tokens.iter().take(ROWS).map(row).collect_view();
    view! {
        <p
            class="tokens-count"
            data-testid=testid
            data-tokens=count.to_string()
            data-ids=ids.join(" ")
        >
            {t!(
                "tokens-count",
                tokens = count,
                characters = characters,
                bytes = bytes,
                rate = format!("{:.2}", bytes as f64 / count.max(1) as f64)
            )}
        </p>
        <div class="tokens-chips" role="group" aria-label=t("tokens-heading") tabindex="0">
            {chips.collect_view()}
        </div>
        <div class="tokens-scroll" tabindex="0" role="group" aria-label=t("tokens-table")>
            <NumberTable
                class="tokens-table"
                heads=vec![
                    number(t("fact-position")),
                    number(t("column-id")),
                    word(t("column-token")),
                    word(t("tokens-piece")),
                    word(t("fact-bytes")),
                ]
                rows=rows
            />
        </div>
        {(count > ROWS).then(|| view! {
            <p class="hint">{t!("tokens-more", rows = ROWS, count = count)}</p>
        })}
    }
}

fn row(token: &TokenEntry) -> impl IntoView + use<> {
    let hex: Vec<String> = token.bytes.iter().map(|it| format!("{it:02X}")).collect();
    view! {
        <tr
            data-testid="token-row"
            data-id=token.id.to_string()
            aria-label=shown_text(token.id, &token.bytes, token.text.as_deref())
        >
            <td>{token.position}</td>
            <td>{token.id}</td>
            <td class="word">{piece_view(token.id, &token.bytes, token.text.as_deref())}</td>
            <td class="word">{token.piece.clone()}</td>
            <td class="word">{hex.join(" ")}</td>
        </tr>
    }
}
