use leptos::prelude::*;
use vitrine_protocol::ModelSource;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::reactive::memo;
use crate::state::State;
use crate::{persistence, strings};

/// The offer: the model's name in the address, and its source.
type Offer = (String, Option<(ModelSource, Option<u64>)>);

/// The model that a link was made with, unless it is loaded.
#[component]
pub fn LinkedModel(state: State, bridge: Bridge) -> impl IntoView {
    let offer = memo(move |_| {
        let name = state.linked.get()?;
        let open = state.can_load() && state.models.with(Option::is_some);
        let here = state.loaded_name().as_ref() == Some(&name);
        (open && !here).then(|| (name, state.linked_source()))
    });
    let shown = move |(name, found): Offer| {
        let words = match found {
            Some(_) => strings::linked(&name),
            None => strings::linked_nowhere(&name),
        };
        let load = found.map(|(source, bytes)| {
            view! {
                <button
                    type="button"
                    class="button button-primary"
                    data-testid="linked-load"
                    on:click=move |_| {
                        persistence::ask(state.persistent);
                        bridge.send(&state.load(source.clone()));
                    }
                >
                    {strings::load_button(&name, bytes)}
                </button>
            }
        });
        view! {
            <section class="panel linked" aria-label=t("linked-label") data-testid="linked">
                <p>{words}</p>
                <div class="button-row">
                    {load}
                    <button
                        type="button"
                        class="button"
                        data-testid="linked-dismiss"
                        on:click=move |_| state.linked.set(None)
                    >
                        {t("linked-dismiss")}
                    </button>
                </div>
            </section>
        }
    };
    move || offer.get().map(shown)
}
