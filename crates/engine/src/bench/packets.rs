//! What looking at tokens costs.

use vitrine_gpu::Clock;
use vitrine_kernels::TOP_K;
use vitrine_protocol::{PacketParts, PacketRate};

use super::Bench;
use crate::EngineError;
use crate::packet::wanted;

/// How often each kind of packet is measured at most, in turn.
const PACKET_ROUNDS: u32 = 8;
/// Tokens of a round, at least: the paced lens comes once in so many.
const PACED_TOKENS: u32 = 96;

impl Bench<'_> {
    /// What packets cost a token after `context` positions, by runs of at least so many `tokens`; again and again
    /// until the budget is spent, for the best of short runs tells most.
    pub async fn packets(
        &mut self,
        context: u32,
        tokens: u32,
    ) -> Result<Vec<PacketRate>, EngineError> {
        let logits = PacketParts::LOGITS;
        let sums = [PacketParts::RESIDUAL, PacketParts::NEURONS, PacketParts::KV];
        let sums = sums.into_iter().fold(logits, PacketParts::with);
        let heads = sums.with(PacketParts::HEADS);
        let lens = heads.with(PacketParts::LENS);
        let paced = lens.with(PacketParts::LENS_PACED);
        let kinds = [
            ("nothing", PacketParts::NONE, 0),
            ("top 64", PacketParts::NONE, TOP_K),
            ("top 64, logits", logits, TOP_K),
            ("top 64, logits, residual, neurons, kv", sums, TOP_K),
            ("these and heads", heads, TOP_K),
            ("these and the lens, paced", paced, TOP_K),
            ("these and the lens", lens, TOP_K),
            ("all, timings too", PacketParts::ALL, TOP_K),
        ];
        let has_every_lens = |parts: PacketParts| parts.has(PacketParts::LENS) && parts != paced;
        let token_s = self.decode(context, 2, 0).await?.seconds / 2.0;
        // As many tokens for all that are compared.
        let compared = kinds.iter().filter(|kind| !has_every_lens(kind.1)).count();
        let paced_s = token_s * f64::from(PACED_TOKENS) * compared as f64;
        let can_pace = self.fits("packets: the lens, paced", 0, paced_s);
        let compared_tokens = if can_pace {
            tokens.max(PACED_TOKENS)
        } else {
            tokens
        };

        let mut best = [f64::MAX; 8];
        let clock = Clock::start();
        for round in 0..PACKET_ROUNDS {
            if round > 0 && clock.seconds() > self.request.budget_s {
                break;
            }
            for (best, (name, parts, top)) in best.iter_mut().zip(kinds) {
                if parts == paced && !can_pace || has_every_lens(parts) && round > 0 {
                    continue;
                }
                self.observer.measuring(&format!("packets: {name}"))?;
                self.model.watch(wanted(parts))?;
                let mut n = compared_tokens;
                if has_every_lens(parts) {
                    n = tokens;
                    let expected = self.decode(context, 1, top).await?.seconds * f64::from(n);
                    if !self.fits(&format!("packets: {name}"), 0, expected) {
                        continue;
                    }
                }
                let seconds = self.decode(context, n, top).await?.seconds;
                *best = best.min(seconds / f64::from(n));
            }
        }
        let rate = |((parts, ..), seconds_per_token): ((&str, _, _), f64)| PacketRate {
            parts: parts.to_owned(),
            seconds_per_token,
            ratio: seconds_per_token / best[0],
        };
        let measured = kinds.into_iter().zip(best);
        let measured = measured.filter(|(_, seconds)| *seconds < f64::MAX);
        Ok(measured.map(rate).collect())
    }
}
