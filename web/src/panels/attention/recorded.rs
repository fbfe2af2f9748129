use leptos::prelude::*;

use crate::bridge::Bridge;
use crate::i18n::t;
use crate::inquiry::Inquiry;
use crate::panels::attention::heading::Heading;
use crate::panels::attention::look::Look;
use crate::panels::attention::metric::Metric;
use crate::panels::attention::{overview, ranking};
use crate::reactive::memo;
use crate::state::State;

/// Attention statistics from packets: values of each head at each new token. A recording has no others.
#[component]
pub fn RecordedAttention(state: State, bridge: Bridge) -> impl IntoView {
    let look = Look::new();
    let chosen = RwSignal::new(Metric::TokenEntropy);
    let metric = memo(move |_| chosen.get());
    // No question is asked.
    let thumbnails = Inquiry::new(state, bridge);
    let metrics = Metric::ALL.into_iter().filter(|it| it.of_token()).collect();
    view! {
        <Heading explanation=t("recorded-attention") metrics chosen look />
        <overview::Overview state thumbnails metric look />
        <ranking::Ranking state thumbnails metric />
    }
}
