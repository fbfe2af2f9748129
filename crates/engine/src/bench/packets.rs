//! The cost of packets.

use vitrine_gpu::Clock;
use vitrine_kernels::TOP_K;
use vitrine_protocol::{PacketParts, PacketRate};

use super::Bench;
use crate::EngineError;

/// Maximum rounds, in each of which every kind of packet is measured.
const PACKET_ROUNDS: u32 = 8;
/// Minimum tokens of a round; the paced lens occurs once in this many.
const PACED_TOKENS: u32 = 96;

impl Bench<'_> {
    /// The cost of packets per token after `context` positions, from runs of at least `tokens` tokens. Runs repeat
    /// until the budget is spent, because the best of many short runs is most reliable.
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
        // The same number of tokens for all variants.
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
                self.model.watch(parts)?;
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
