use leptos::prelude::*;
use vitrine_protocol::Command;
use web_sys::KeyboardEvent;

use crate::bridge::Bridge;
use crate::components::settings_panel::SettingsPanel;
use crate::i18n::t;
use crate::phase::Phase;
use crate::reactive::memo;
use crate::state::State;
use crate::strings;

/// The prompt, its options, and the buttons that start and stop a run.
#[component]
pub fn PromptForm(state: State, bridge: Bridge) -> impl IntoView {
    let settings = state.settings;
    let can_generate =
        memo(move |_| state.phase.get().has_model() && settings.max_new_tokens().is_some());
    let generate = move || {
        if can_generate.get_untracked()
            && let Some(command) = state.generate()
        {
            bridge.send(&command);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            generate();
        }
    };
    view! {
        <form
            class="panel prompt-form"
            on:submit=move |event| {
                event.prevent_default();
                generate();
            }
        >
            <h2 class="visually-hidden">{t("prompt-heading")}</h2>
            <label class="field-label" for="prompt">
                {move || {
                    if settings.as_ids.get() {
                        t("prompt-ids-label")
                    } else {
                        t("prompt-label")
                    }
                }}
            </label>
            <div class="prompt-row">
            <textarea
                id="prompt"
                class="prompt-text"
                data-testid="prompt"
                rows="2"
                autocomplete="off"
                spellcheck="false"
                aria-describedby="refusal"
                prop:value=move || settings.prompt.get()
                on:input=move |event| settings.prompt.set(event_target_value(&event))
                on:keydown=on_key
            ></textarea>
            <div class="prompt-buttons">
                <button
                    type="submit"
                    class="button button-primary"
                    data-testid="generate"
                    disabled=move || !can_generate.get()
                >
                    {t("generate")}
                </button>
                <button
                    type="button"
                    class="button"
                    data-testid="stop"
                    disabled=move || state.phase.get() != Phase::Generating
                    on:click=move |_| bridge.send(&Command::Stop)
                >
                    {t("stop")}
                </button>
                <span class="hint">{t("generate-hint")}</span>
            </div>
            </div>
            <p id="refusal" class="refusal" role="alert" data-testid="refusal">
                {move || state.refusal.get()}
            </p>
            <Examples prompt=settings.prompt />
            <div class="prompt-options">
                <Kind state />
                <MaxNewTokens state />
                <SettingsPanel state />
            </div>
        </form>
    }
}

/// Example prompts.
#[component]
fn Examples(prompt: RwSignal<String>) -> impl IntoView {
    view! {
        <div class="examples" role="group" aria-label=t("examples-label")>
            {strings::EXAMPLES.map(|example| view! {
                <button
                    type="button"
                    class="button button-example"
                    data-testid="example"
                    on:click=move |_| prompt.set(example.to_owned())
                >
                    {example}
                </button>
            })}
        </div>
    }
}

/// The kind of prompt: raw text, a chat message, or token ids.
#[component]
fn Kind(state: State) -> impl IntoView {
    let (chat, as_ids) = (state.settings.chat, state.settings.as_ids);
    let template = memo(move |_| {
        state
            .loaded
            .with(|it| it.as_ref().map(|it| it.model.has_chat_template))
    });
    let reason = move || match template.get() {
        _ if as_ids.get() => t("chat-as-ids"),
        Some(true) => t("chat-template"),
        Some(false) => t("chat-no-template"),
        None => t("chat-no-model"),
    };
    view! {
        <div class="field">
            <div class="prompt-kind">
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="chat"
                        aria-describedby="chat-reason"
                        disabled=move || template.get() != Some(true) || as_ids.get()
                        prop:checked=move || {
                            chat.get() && template.get() != Some(false) && !as_ids.get()
                        }
                        on:change=move |event| chat.set(event_target_checked(&event))
                    />
                    <span>{t("chat-label")}</span>
                </label>
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="as-ids"
                        prop:checked=move || as_ids.get()
                        on:change=move |event| as_ids.set(event_target_checked(&event))
                    />
                    <span>{t("as-ids-label")}</span>
                </label>
            </div>
            <p id="chat-reason" class="visually-hidden">{reason}</p>
        </div>
    }
}

/// Maximum length of the answer.
#[component]
fn MaxNewTokens(state: State) -> impl IntoView {
    let settings = state.settings;
    let max = memo(move |_| {
        state
            .loaded
            .with(|it| it.as_ref().map(|it| it.model.max_position_embeddings))
    });
    let invalid = move || settings.max_new_tokens().is_none();
    view! {
        <div class="field field-inline">
            <label class="field-label" for="max-new-tokens">{t("max-new-tokens-label")}</label>
            <input
                id="max-new-tokens"
                class="number"
                type="number"
                inputmode="numeric"
                min="1"
                max=move || max.get().map(|max| max.to_string())
                step="1"
                data-testid="max-new-tokens"
                aria-describedby="max-new-tokens-hint"
                aria-invalid=move || invalid().then_some("true")
                prop:value=move || settings.max_new_tokens.get()
                on:input=move |event| settings.max_new_tokens.set(event_target_value(&event))
            />
            <p id="max-new-tokens-hint" class="hint-wrong" class:visually-hidden=move || !invalid()>
                {move || strings::max_new_tokens_hint(max.get())}
            </p>
        </div>
    }
}
