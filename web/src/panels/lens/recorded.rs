use leptos::prelude::*;
use vitrine_protocol::{Candidate, Distribution};

use crate::draw::colour::{hex, ink_on, magnitude};
use crate::format;
use crate::i18n::t;
use crate::panels::attention::overview::shown_packet;
use crate::panels::lens::cells::candidate_words;
use crate::reactive::memo;
use crate::state::State;

/// The logit lens of the packets: what each layer would predict instead of the shown token.
#[component]
pub fn RecordedLens(state: State) -> impl IntoView {
    let rows = memo(move |_| {
        let (.., packet) = shown_packet(state)?;
        let output = state.strip.token(state.strip.shown()?)?.distribution;
        (!packet.lens.is_empty()).then(|| {
            let mut rows = packet.lens.clone();
            rows.extend(output.as_deref().cloned());
            rows
        })
    });
    let every = move || {
        let shown = state.recordings.shown;
        shown.with(|it| it.as_ref().map_or(1, |it| it.parts.lens_every()))
    };
    let layers = move || rows.with(|rows| rows.as_ref().map_or(0, Vec::len)) as u32;
    view! {
        <section
            class="panel lens-head"
            aria-labelledby="lens-heading"
            data-testid="recorded-lens"
        >
            <h2 id="lens-heading">{t("view-lens")}</h2>
            <p class="hint">{t("recorded-lens")}</p>
            <p class="lens-badge">{t("lens-badge")}</p>
            {move || shown_packet(state).map(|(position, token, _)| view! {
                <p>{t!("recorded-lens-token", position = position, token = token)}</p>
            })}
            <Show
                when=move || { layers() > 0 }
                fallback=|| view! { <p class="note">{t("recorded-lens-none")}</p> }
            >
                <div class="recorded-lens" tabindex="0" role="region" aria-labelledby="lens-heading">
                    <table class="numbers">
                        <thead>
                            <tr>
                                <th scope="col">{t("selection-layer")}</th>
                                <th scope="col" colspan=CANDIDATES.to_string() class="word">
                                    {t("recorded-lens-candidates")}
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {move || rows.with(|rows| {
                                let rows = rows.iter().flatten().enumerate();
                                let last = layers() - 1;
                                let every = every();
                                rows.map(|(row, it)| {
                                    let row = row as u32;
                                    line((row < last).then_some(row * every), it)
                                }).collect_view()
                            })}
                        </tbody>
                    </table>
                </div>
            </Show>
        </section>
    }
}

/// The number of candidates in a packet.
const CANDIDATES: usize = 5;

/// The row of the prediction before a layer; `None` for the final prediction.
fn line(layer: Option<u32>, distribution: &Distribution) -> impl IntoView + use<> {
    let name = match layer {
        Some(layer) => t!("lens-before", layer = layer),
        None => t("lens-output").to_owned(),
    };
    let cells = distribution.top.iter().take(CANDIDATES).map(cell);
    view! {
        <tr data-testid="recorded-lens-row" data-layer=layer.map(|it| it.to_string())>
            <th scope="row">{name}</th>
            {cells.collect_view()}
        </tr>
    }
}

fn cell(candidate: &Candidate) -> impl IntoView + use<> {
    let colour = magnitude(candidate.probability);
    view! {
        <td
            class="word"
            data-id=candidate.id.to_string()
            data-probability=candidate.probability.to_string()
            style:background=hex(colour)
            style:color=ink_on(colour)
        >
            {candidate_words(candidate)}
            " "
            {format::percent(candidate.probability)}
        </td>
    }
}
