use std::sync::Arc;

use leptos::prelude::*;
use vitrine_protocol::TokenPacket;

use crate::format;
use crate::i18n::t;
use crate::pieces::piece_view;
use crate::reactive::memo;
use crate::state::State;
use crate::strip::StripToken;

/// The exact values behind the selection.
#[component]
pub fn Inspector(state: State) -> impl IntoView {
    let strip = state.strip;
    let token = memo(move |_| {
        let position = strip.shown().or_else(|| strip.len().checked_sub(1))?;
        Some((position, strip.token(position)?))
    });
    view! {
        <aside class="inspector panel" aria-labelledby="inspector-heading" data-testid="inspector">
            <h2 id="inspector-heading" class="inspector-title">{t("inspector-heading")}</h2>
            <HeadChoice state />
            <Show
                when=move || token.with(Option::is_some)
                fallback=|| view! { <p class="hint">{t("inspector-empty")}</p> }
            >
                {move || token.get().map(|(position, token)| view! {
                    <TokenFacts position token=token.clone() />
                    {token.packet.map(|packet| view! { <PacketFacts state position packet /> })}
                })}
            </Show>
        </aside>
    }
}

/// Number fields for layer and head of the selection.
#[component]
fn HeadChoice(state: State) -> impl IntoView {
    let selection = state.selection;
    let shape = memo(move |_| {
        let model = state.model()?;
        Some((model.num_hidden_layers, model.num_attention_heads))
    });
    let field = move |id: &'static str,
                      label: &'static str,
                      value: RwSignal<u32>,
                      count: fn((u32, u32)) -> u32| {
        let last = move || shape.get().map(|shape| count(shape).saturating_sub(1));
        view! {
            <label class="inspector-choice">
                <span>{label}</span>
                <input
                    type="number"
                    class="number"
                    data-testid=id
                    min="0"
                    max=move || last().map(|last| last.to_string())
                    step="1"
                    disabled=move || shape.get().is_none()
                    prop:value=move || value.get().to_string()
                    on:input=move |event| {
                        if let (Ok(number), Some(last)) =
                            (event_target_value(&event).parse::<u32>(), last())
                        {
                            value.set(number.min(last));
                        }
                    }
                />
            </label>
        }
    };
    view! {
        <div class="inspector-choices">
            {field("layer", t("selection-layer"), selection.layer, |(layers, _)| layers)}
            {field("head", t("selection-head"), selection.head, |(_, heads)| heads)}
        </div>
    }
}

/// Facts about the selected token.
#[component]
fn TokenFacts(position: u32, token: StripToken) -> impl IntoView {
    let StripToken {
        piece,
        distribution,
        draw,
        surprisal,
        ..
    } = token;
    let hex: Vec<String> = piece.bytes.iter().map(|it| format!("{it:02X}")).collect();
    let chosen = distribution.as_ref().and_then(|distribution| {
        let rank = distribution.top.iter().position(|it| it.id == piece.id)?;
        Some((rank + 1, distribution.top.get(rank)?.clone()))
    });
    view! {
        <p class="inspector-token">{piece_view(piece.id, &piece.bytes, piece.token.as_deref())}</p>
        <dl class="facts">
            <Fact name=t("fact-position") value=position.to_string() />
            <Fact name=t("fact-id") value=piece.id.to_string() />
            <Fact name=t("fact-bytes") value=hex.join(" ") />
            {chosen.map(|(rank, candidate)| view! {
                <Fact name=t("fact-rank") value=rank.to_string() />
                <Fact name=t("fact-probability") value=format::percent(candidate.probability) />
                <Fact name=t("fact-logit") value=format!("{:.4}", candidate.logit) />
            })}
            {surprisal.map(|bits| view! {
                <Fact name=t("fact-surprisal") value=format::bits(bits) />
            })}
            {draw.map(|draw| view! {
                <Fact name=t("fact-draw") value=format!("{:.6}", draw.u) />
                <Fact
                    name=t("fact-segment")
                    value=format!("{:.6} … {:.6}", draw.start, draw.start + draw.probability)
                />
                <Fact name=t("fact-kept") value=format::count(u64::from(draw.kept)) />
            })}
        </dl>
    }
}

/// Facts from the token's packet, which belongs to the position before it.
#[component]
fn PacketFacts(state: State, position: u32, packet: Arc<TokenPacket>) -> impl IntoView {
    let before = position.saturating_sub(1);
    let selection = state.selection;
    let entropy = packet.logits.as_ref().map(|it| it.entropy);
    let logsumexp = packet.logsumexp;
    let layer_facts = move || {
        let layer = selection.layer.get() as usize;
        let head = selection.head.get() as usize;
        let of_head = packet.heads.get(layer).and_then(|it| it.get(head)).copied();
        let residual = packet
            .residual
            .get(2 * layer..2 * layer + 3)
            .map(<[_]>::to_vec);
        view! {
            {of_head.map(|it| view! {
                <h3 class="inspector-part">
                    {t!(
                        "inspector-head",
                        layer = selection.layer.get(),
                        head = selection.head.get(),
                        position = before
                    )}
                </h3>
                <dl class="facts">
                    <Fact name=t("fact-entropy") value=format::nats(f64::from(it.entropy)) />
                    <Fact
                        name=t("fact-strongest")
                        value=t!(
                            "fact-strongest-value",
                            share = format::percent(f64::from(it.max)),
                            position = it.argmax
                        )
                    />
                    <Fact name=t("fact-first") value=format::percent(f64::from(it.first_token)) />
                </dl>
            })}
            {residual.map(|it| view! {
                <h3 class="inspector-part">
                    {t!(
                        "inspector-layer",
                        layer = selection.layer.get(),
                        position = before
                    )}
                </h3>
                <dl class="facts">
                    <Fact name=t("fact-residual") value=format!("{:.3}", it[0].norm) />
                    <Fact name=t("fact-attn-added") value=format!("{:.3}", it[1].added) />
                    <Fact name=t("fact-mlp-added") value=format!("{:.3}", it[2].added) />
                </dl>
            })}
        }
    };
    view! {
        <dl class="facts">
            {entropy.map(|it| view! {
                <Fact name=t("fact-entropy") value=format::nats(f64::from(it)) />
            })}
            <Fact name=t("fact-logsumexp") value=format!("{logsumexp:.4}") />
        </dl>
        {layer_facts}
    }
}

/// A name and a value.
#[component]
fn Fact(name: &'static str, value: String) -> impl IntoView {
    view! {
        <div class="fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
        </div>
    }
}
