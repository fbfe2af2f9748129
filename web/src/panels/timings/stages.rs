use leptos::prelude::*;

use crate::i18n::t;
use crate::panels::attention::overview::shown_packet;
use crate::reactive::memo;
use crate::state::State;

/// GPU time of each stage of the shown token, if its packet has it.
#[component]
pub fn Stages(state: State) -> impl IntoView {
    let timed = memo(move |_| {
        let (position, token, packet) = shown_packet(state)?;
        let most = packet.timings.iter().map(|it| it.seconds);
        let most = most.fold(f64::MIN_POSITIVE, f64::max);
        (!packet.timings.is_empty()).then_some((position, token, packet, most))
    });
    view! {
        {move || timed.get().map(|(position, token, packet, most)| {
            let sum: f64 = packet.timings.iter().map(|it| it.seconds).sum();
            let rows = packet.timings.iter().map(|time| {
                let name = match time.layer {
                    Some(layer) => format!("{} {layer}", time.stage),
                    None => time.stage.clone(),
                };
                view! {
                    <tr
                        data-testid="stage-time"
                        data-stage=time.stage.clone()
                        data-layer=time.layer.map(|it| it.to_string())
                        data-seconds=time.seconds.to_string()
                    >
                        <th scope="row" class="word">{name}</th>
                        <td>{format!("{:.3}", 1e3 * time.seconds)}</td>
                        <td class="stage-bar">
                            <meter min="0" max=most.to_string() value=time.seconds.to_string()></meter>
                        </td>
                    </tr>
                }
            });
            view! {
                <section class="panel" aria-labelledby="stages-heading" data-testid="stage-times">
                    <h3 id="stages-heading">
                        {t!("stages-heading", position = position, token = token)}
                    </h3>
                    <p class="hint">{t!("stages-note", sum = format!("{:.2}", 1e3 * sum))}</p>
                    <div class="recorded-lens" tabindex="0" role="region" aria-labelledby="stages-heading">
                        <table class="numbers">
                            <thead>
                                <tr>
                                    <th scope="col" class="word">{t("stages-stage")}</th>
                                    <th scope="col">{t("timings-ms")}</th>
                                    <td></td>
                                </tr>
                            </thead>
                            <tbody>{rows.collect_view()}</tbody>
                        </table>
                    </div>
                </section>
            }
        })}
    }
}
