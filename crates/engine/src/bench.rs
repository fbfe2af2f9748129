//! How fast a model is on this device.

use vitrine_gpu::{Clock, Gpu, Recording, Usage};
use vitrine_kernels::TOP_K;
use vitrine_model::{MAX_PASS, Model, ModelError, SequenceId};
use vitrine_protocol::{BatchRate, BenchReport, BenchRequest, PacketParts, PacketRate, Rate};

use crate::packet::wanted;
use crate::{AskObserver, Engine, EngineError, adapter_summary};

/// How often each kind of packet is measured at most, in turn.
const PACKET_ROUNDS: u32 = 8;
/// Tokens of a round, at least: the paced lens comes once in so many.
const PACED_TOKENS: u32 = 96;

/// Bytes of the buffers that are copied to learn the bandwidth.
const COPY_BYTES: u64 = 64 << 20;

impl Engine {
    /// Measures reading and decoding. `observer` hears what is measured next, and can end it there.
    ///
    /// The tokens are arbitrary, and the keys of a context are whatever the cache holds: they take
    /// the same time.
    ///
    /// # Errors
    /// When `observer` stops it, or the device fails.
    pub async fn bench(
        &mut self,
        request: &BenchRequest,
        observer: &mut dyn AskObserver,
    ) -> Result<BenchReport, EngineError> {
        observer.measuring("copying")?;
        let copy_bytes_per_s = copy_bandwidth(self.gpu()).await?;
        let mut bench = Bench {
            budget_s: request.budget_s,
            left_out: Vec::new(),
            model: &mut self.model,
        };
        // Whatever the last generation looked at.
        bench.model.watch(wanted(PacketParts::NONE))?;
        let first_token_s = match request.prefill.first() {
            Some(&tokens) if tokens <= bench.model.config().max_position_embeddings => {
                Some(bench.prefill(tokens).await?)
            }
            _ => None,
        };

        let mut prefill: Vec<Rate> = Vec::new();
        let mut profiles = Vec::new();
        for &tokens in &request.prefill {
            let what = format!("prefill of {tokens}");
            let expected = match (prefill.last(), first_token_s) {
                (Some(rate), _) => f64::from(tokens) / rate.tokens_per_s,
                (None, Some(seconds)) => seconds,
                (None, None) => 0.0,
            };
            if bench.fits(&what, tokens, expected) {
                observer.measuring(&what)?;
                let seconds = bench.prefill(tokens).await?;
                prefill.push(rate(tokens, tokens, seconds));
            }
        }

        let of_one_pass = |rate: &&Rate| rate.tokens <= MAX_PASS;
        if let Some(rate) = prefill
            .iter()
            .filter(of_one_pass)
            .max_by_key(|rate| rate.tokens)
        {
            profiles.extend(bench.profile_prompt(rate.tokens).await?);
        }

        let mut decode: Vec<Rate> = Vec::new();
        for &context in &request.contexts {
            let what = format!("decoding at {context}");
            let end = context.saturating_add(request.new_tokens + 1);
            let expected = match decode.last() {
                Some(rate) => rate.seconds,
                None => {
                    let probe = if bench.fits(&what, context.saturating_add(2), 0.0) {
                        bench.decode(context, 1, 0).await?.seconds
                    } else {
                        continue;
                    };
                    probe * f64::from(request.new_tokens)
                }
            };
            if bench.fits(&what, end, expected) {
                observer.measuring(&what)?;
                let seconds = bench.decode(context, request.new_tokens, 0).await?.seconds;
                let mut rate = rate(context, request.new_tokens, seconds);
                let bytes = bench.model.bytes_per_token(context);
                rate.bytes_per_token = Some(bytes);
                rate.bandwidth_share = Some(bytes as f64 * rate.tokens_per_s / copy_bytes_per_s);
                let profile = bench.profile_token(context).await?;
                rate.outside_kernels = profile
                    .as_ref()
                    .map(|profile| 1.0 - profile.seconds * rate.tokens_per_s)
                    .filter(|share| *share >= 0.0);
                rate.outside_gpu = bench.outside_gpu(context, request.new_tokens).await?;
                decode.push(rate);
                profiles.extend(profile);
            }
        }
        let mut without_kv_cache: Vec<Rate> = Vec::new();
        let contexts = request.contexts.iter().filter(|_| request.no_kv_cache);
        for &context in contexts {
            let what = format!("decoding at {context} without the cache");
            // Reading costs at least as much per token as the last time.
            let expected = without_kv_cache.last().map_or(0.0, |last: &Rate| {
                last.seconds * f64::from(context + 1) / f64::from(last.context + 1)
            });
            if bench.fits(&what, context.saturating_add(1), expected) {
                observer.measuring(&what)?;
                let seconds = bench.prefill(context + 1).await?;
                without_kv_cache.push(rate(context, 1, seconds));
            }
        }
        let mut batch: Vec<BatchRate> = Vec::new();
        let context = request.contexts.first().copied().unwrap_or(16);
        for &sequences in &request.batches {
            let what = format!("decoding {sequences} sequences at {context}");
            let end = context.saturating_add(request.new_tokens + 1);
            let expected = batch.last().map_or(0.0, |last| {
                last.seconds * f64::from(sequences) / f64::from(last.sequences)
            });
            if bench.fits(&what, end, expected) {
                observer.measuring(&what)?;
                let seconds = bench.batch(sequences, context, request.new_tokens).await?;
                let tokens = sequences * request.new_tokens;
                batch.push(BatchRate {
                    sequences,
                    context,
                    tokens,
                    seconds,
                    tokens_per_s: f64::from(tokens) / seconds,
                });
            }
        }
        let mut packets = Vec::new();
        if request.packets {
            let measured = bench.packets(16, request.new_tokens, observer).await;
            // Also where it was stopped.
            bench.model.watch(wanted(PacketParts::NONE))?;
            packets = measured?;
        }
        let left_out = bench.left_out;
        Ok(BenchReport {
            adapter: adapter_summary(self.gpu()),
            model: self.summary(),
            prefill,
            decode,
            without_kv_cache,
            batch,
            packets,
            profiles,
            first_token_s,
            dispatches_per_token: self.model.dispatches_per_token(context),
            peak_buffer_bytes: self.gpu().peak_buffer_bytes(),
            copy_bytes_per_s,
            left_out,
        })
    }
}

/// How long tokens took.
pub(crate) struct Decoded {
    /// In all.
    pub seconds: f64,
    /// Of that in passes on the GPU; 0 where nobody times them.
    pub on_gpu: f64,
}

pub(crate) struct Bench<'a> {
    pub model: &'a mut Model,
    budget_s: f64,
    left_out: Vec<String>,
}

impl Bench<'_> {
    fn fits(&mut self, what: &str, positions: u32, seconds: f64) -> bool {
        let context = self.model.config().max_position_embeddings;
        if positions > context {
            let reason = format!("{what}: the context holds {context} tokens");
            self.left_out.push(reason);
            return false;
        }
        if seconds > self.budget_s {
            let reason = format!("{what}: it would take about {seconds:.0} s");
            self.left_out.push(reason);
            return false;
        }
        true
    }

    /// Seconds to read a prompt and choose the token after it.
    async fn prefill(&mut self, tokens: u32) -> Result<f64, EngineError> {
        let ids = self.prompt(tokens);
        let clock = Clock::start();
        self.model.prefill(&ids, 0)?.prediction().await?;
        Ok(clock.seconds())
    }

    /// Arbitrary tokens.
    pub fn prompt(&self, tokens: u32) -> Vec<u32> {
        let vocab = self.model.config().vocab_size;
        (0..tokens).map(|i| i * 7919 % vocab).collect()
    }

    /// Decodes `n` tokens after `context` positions, with the `top` best candidates of each; as in a
    /// generation, the next step is submitted before the last one is awaited.
    pub async fn decode(&mut self, context: u32, n: u32, top: u32) -> Result<Decoded, EngineError> {
        self.model.jump(context)?;
        let mut pending = self.model.decode(top)?;
        pending.prediction().await?;
        let clock = Clock::start();
        let mut spans = Vec::new();
        pending = self.model.decode(top)?;
        for _ in 1..n {
            let next = self.model.decode(top)?;
            spans.extend(pending.prediction().await?.spans);
            pending = next;
        }
        spans.extend(pending.prediction().await?.spans);
        Ok(Decoded {
            seconds: clock.seconds(),
            on_gpu: spans.iter().map(|span| span.seconds).sum(),
        })
    }

    /// What packets cost a token after `context` positions, by runs of at least so many `tokens`; again and again
    /// until the budget is spent, for the best of short runs tells most.
    async fn packets(
        &mut self,
        context: u32,
        tokens: u32,
        observer: &mut dyn AskObserver,
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
            if round > 0 && clock.seconds() > self.budget_s {
                break;
            }
            for (best, (name, parts, top)) in best.iter_mut().zip(kinds) {
                if parts == paced && !can_pace || has_every_lens(parts) && round > 0 {
                    continue;
                }
                observer.measuring(&format!("packets: {name}"))?;
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

    /// As [`Bench::decode`], for `n` tokens of each of several sequences together.
    async fn batch(&mut self, sequences: u32, context: u32, n: u32) -> Result<f64, EngineError> {
        let mut ids = Vec::new();
        let started = (0..sequences).try_for_each(|_| {
            ids.push(self.model.start_at(context)?);
            Ok(())
        });
        let measured = match started {
            Ok(()) => self.steps(&ids, n).await,
            Err(error) => Err(error),
        };
        for id in ids {
            self.model.end(id)?;
        }
        measured
    }

    async fn steps(&mut self, ids: &[SequenceId], n: u32) -> Result<f64, EngineError> {
        self.model.decode_batch(ids, 0)?.predictions().await?;
        let clock = Clock::start();
        let mut pending = self.model.decode_batch(ids, 0)?;
        for _ in 1..n {
            let next = self.model.decode_batch(ids, 0)?;
            pending.predictions().await?;
            pending = next;
        }
        pending.predictions().await?;
        Ok(clock.seconds())
    }
}

fn rate(context: u32, tokens: u32, seconds: f64) -> Rate {
    Rate {
        context,
        tokens,
        seconds,
        tokens_per_s: f64::from(tokens) / seconds,
        bytes_per_token: None,
        bandwidth_share: None,
        outside_kernels: None,
        outside_gpu: None,
    }
}

/// Bytes read and written per second by copies within GPU memory.
async fn copy_bandwidth(gpu: &Gpu) -> Result<f64, ModelError> {
    let buffer = |label| gpu.buffer(label, COPY_BYTES, Usage::Work);
    let (from, to) = (buffer("copied from")?, buffer("copied to")?);
    let mut copy = Recording::default();
    copy.copy(&from, 0, &to, 0, COPY_BYTES);
    let mut copies = 2;
    loop {
        gpu.flush().await?;
        let clock = Clock::start();
        gpu.submit(0, (0..copies).map(|_| &copy));
        gpu.flush().await?;
        let seconds = clock.seconds();
        // Long enough that the time of a submission does not count.
        if seconds > 0.1 || copies >= 4096 {
            return Ok((2 * copies * COPY_BYTES) as f64 / seconds);
        }
        copies *= 4;
    }
}
