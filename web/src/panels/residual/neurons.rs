use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::NeuronPacket;

use super::stream::Stream;
use crate::i18n::t;
use crate::panels::traced;
use crate::reactive::memo;
use crate::state::State;

/// The strongest neurons of the selected layer, and the strongest one of every layer.
#[component]
pub fn Neurons(state: State, stream: Memo<Arc<Stream>>) -> impl IntoView {
    let found = memo(move |_| {
        let position = traced::position(state);
        stream.with(|stream| {
            let at = |position| {
                let packet = stream.packets.get(&position)?;
                let some = !packet.neurons.is_empty();
                some.then(|| (position, packet.neurons.clone()))
            };
            at(position).or_else(|| at(position.checked_sub(1)?))
        })
    });
    let title = move || match found.with(|it| it.as_ref().map(|it| it.0)) {
        Some(position) => t!(
            "neurons-title",
            layer = state.selection.layer.get(),
            position = traced::position_name(state, position)
        ),
        None => t("neurons-heading").to_owned(),
    };
    let of_layer = move || {
        let layer = state.selection.layer.get() as usize;
        found.with(|it| it.as_ref().and_then(|it| it.1.get(layer).cloned()))
    };
    let strongest = move || {
        let neurons = found.with(|it| it.as_ref().map(|it| it.1.clone()));
        let all: Vec<NeuronPacket> = neurons
            .unwrap_or_default()
            .iter()
            .filter_map(|it| it.first().copied())
            .collect();
        let most = highest(&all);
        all.into_iter()
            .enumerate()
            .map(|(layer, neuron)| {
                view! {
                    <tr>
                        <th scope="row">
                            <button
                                type="button"
                                class="neurons-layer"
                                on:click=move |_| state.selection.layer.set(layer as u32)
                            >
                                {layer}
                            </button>
                        </th>
                        {cells(neuron, most)}
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <section class="panel residual" aria-labelledby="neurons-heading">
            <h3 id="neurons-heading">{title}</h3>
            <p class="hint">{t("neurons-note")}</p>
            <Show
                when=move || found.with(Option::is_some)
                fallback=|| view! { <p class="hint">{t("neurons-none")}</p> }
            >
                <div class="neurons">
                    <table class="numbers" data-testid="neurons">
                        <caption class="neurons-caption">
                            {move || t!("neurons-of-layer", layer = state.selection.layer.get())}
                        </caption>
                        <Head first=t("column-rank") />
                        <tbody>
                            {move || of_layer().map(|neurons| {
                                let most = highest(&neurons);
                                neurons
                                    .into_iter()
                                    .enumerate()
                                    .map(|(rank, neuron)| view! {
                                        <tr data-testid="neuron" data-id=neuron.id.to_string()
                                            data-activation=neuron.activation.to_string()>
                                            <td>{rank + 1}</td>
                                            {cells(neuron, most)}
                                        </tr>
                                    })
                                    .collect_view()
                            })}
                        </tbody>
                    </table>
                    <table class="numbers">
                        <caption class="neurons-caption">{t("neurons-of-all")}</caption>
                        <Head first=t("residual-layer") />
                        <tbody>{strongest}</tbody>
                    </table>
                </div>
            </Show>
        </section>
    }
}

#[component]
fn Head(first: &'static str) -> impl IntoView {
    view! {
        <thead>
            <tr>
                <th scope="col">{first}</th>
                <th scope="col">{t("neurons-id")}</th>
                <th scope="col">{t("neurons-activation")}</th>
                <th scope="col" class="word">{t("neurons-bar")}</th>
            </tr>
        </thead>
    }
}

fn cells(neuron: NeuronPacket, most: f32) -> impl IntoView {
    let share = 100.0 * neuron.activation.abs() / most;
    view! {
        <td>{neuron.id}</td>
        <td>{format!("{:+.3}", neuron.activation)}</td>
        <td class="neurons-cell">
            <span
                class="neurons-bar"
                class:neurons-negative=neuron.activation < 0.0
                style:inline-size=format!("{share:.2}%")
            ></span>
        </td>
    }
}

fn highest(neurons: &[NeuronPacket]) -> f32 {
    let all = neurons.iter().map(|it| it.activation.abs());
    all.fold(f32::MIN_POSITIVE, f32::max)
}
