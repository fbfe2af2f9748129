use leptos::prelude::*;
use vitrine_protocol::FailureKind;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::state::State;
use crate::strings;

/// The reason why nothing works, and how to recover. The prompt and the last run are kept.
#[component]
pub fn FailurePanel(state: State, bridge: Bridge) -> impl IntoView {
    let retry = move || {
        let wanted = state.wanted.get_untracked();
        match wanted.filter(|_| state.phase.get_untracked().has_model()) {
            // The engine works; only loading another model failed.
            Some(source) => bridge.send(&state.load(source)),
            None => bridge.restart(),
        }
    };
    move || {
        state.failure.get().map(|failure| {
            let kind = kind_name(failure.kind);
            view! {
                <section class="panel failure" role="alert">
                    <h2 class="failure-title">
                        <span class="failure-sign" aria-hidden="true">"!"</span>
                        {strings::failure_title(failure.kind)}
                    </h2>
                    <p class="failure-message" data-testid="error" data-kind=kind>
                        {failure.message}
                    </p>
                    <div class="button-row">
                        <button
                            type="button"
                            class="button button-primary"
                            data-testid="retry"
                            on:click=move |_| retry()
                        >
                            {t("retry")}
                        </button>
                        <Show when=move || state.phase.get().has_model()>
                            <button
                                type="button"
                                class="button"
                                data-testid="dismiss"
                                on:click=move |_| state.failure.set(None)
                            >
                                {t("dismiss")}
                            </button>
                        </Show>
                    </div>
                </section>
            }
        })
    }
}

/// The value of the `data-kind` attribute.
fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::NoWebGpu => "no_web_gpu",
        FailureKind::NoAdapter => "no_adapter",
        FailureKind::OutOfMemory => "out_of_memory",
        FailureKind::DeviceLost => "device_lost",
        FailureKind::Network => "network",
        FailureKind::Storage => "storage",
        FailureKind::Model => "model",
        FailureKind::Request => "request",
        FailureKind::Internal => "internal",
    }
}
