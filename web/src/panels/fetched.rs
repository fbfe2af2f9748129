//! Panels whose code is fetched when one of them is first shown.

use futures_util::FutureExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::reactive::effect;
use crate::state::State;
use crate::view::View;

/// State of the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Code {
    #[default]
    Away,
    Coming,
    Here,
    /// It could not be fetched.
    Missing,
}

/// The code of all panels that are not in the page's first part.
#[derive(Clone, Copy)]
pub struct Fetched(RwSignal<Code>);

impl Fetched {
    /// Fetches the code as soon as `wanted` returns true.
    pub fn when(wanted: impl Fn() -> bool + 'static) -> Self {
        let fetched = Self(RwSignal::default());
        effect(move || {
            if wanted() {
                untrack(|| fetched.fetch());
            }
        });
        fetched
    }

    fn fetch(self) {
        if matches!(self.0.get(), Code::Coming | Code::Here) {
            return;
        }
        self.0.set(Code::Coming);
        spawn_local(async move {
            let code = match fetch_panels().await {
                Ok(()) => Code::Here,
                Err(_) => Code::Missing,
            };
            // The page may have another language or panel by then.
            self.0.try_set(code);
        });
    }

    /// The panel, or a message until it can be drawn.
    pub fn panel(self, view: View, state: State, bridge: Bridge) -> AnyView {
        match self.0.get() {
            Code::Away | Code::Coming => view! {
                <p class="note" role="status" data-pending="true" data-testid="panel-coming">
                    {t("panel-coming")}
                </p>
            }
            .into_any(),
            Code::Missing => view! {
                <p class="note" role="alert" data-testid="panel-missing">
                    {t("panel-missing")}
                    <button
                        type="button"
                        class="button"
                        data-testid="panel-retry"
                        on:click=move |_| self.fetch()
                    >
                        {t("retry")}
                    </button>
                </p>
            }
            .into_any(),
            // The code has been fetched, so there is nothing to await.
            Code::Here => match build(view, state, bridge).now_or_never() {
                Some(Ok(panel)) => panel,
                _ => ().into_any(),
            },
        }
    }
}

#[wasm_split(panels, wasm_split_path = leptos::wasm_split, fallible, preload(fetch_panels))]
fn build(view: View, state: State, bridge: Bridge) -> Result<AnyView, SplitLoaderError> {
    Ok(if state.recordings.is_shown() {
        super::of_recording(view, state, bridge)
    } else {
        super::of_model(view, state, bridge)
    })
}
