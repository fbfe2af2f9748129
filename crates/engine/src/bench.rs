//! Benchmarks of a model on this device.

mod copy;
mod packets;
mod profile;
mod speeds;

use vitrine_gpu::Clock;
use vitrine_model::Model;
use vitrine_protocol::{BenchReport, BenchRequest, PacketParts, PassProfile};

use crate::{Engine, EngineError, Observer, adapter_summary};

/// Repeated runs of a measurement stop after this many seconds.
const REPEAT_S: f64 = 3.0;

impl Engine {
    /// Measures prefill and decoding. `observer` is told of each measurement and can stop.
    ///
    /// The tokens and the cached keys are arbitrary, because the time does not depend on them.
    ///
    /// # Errors
    /// When `observer` stops it, or the device fails.
    pub async fn bench(
        &mut self,
        request: &BenchRequest,
        observer: &mut dyn Observer,
    ) -> Result<BenchReport, EngineError> {
        observer.measuring("copying")?;
        let copy_bytes_per_s = copy::bandwidth(self.gpu()).await?;
        let mut bench = Bench {
            model: &mut self.model,
            request,
            observer,
            copy_bytes_per_s,
            profiles: Vec::new(),
            left_out: Vec::new(),
        };
        // The last generation may have been inspected.
        bench.model.watch(PacketParts::NONE)?;
        let first_token_s = bench.first_token().await?;
        let prefill = bench.prefills(first_token_s).await?;
        let decode = bench.decodes().await?;
        let without_kv_cache = bench.decodes_without_kv_cache().await?;
        let batch = bench.batches().await?;
        let mut packets = Vec::new();
        if request.packets {
            let measured = bench.packets(16, request.new_tokens).await;
            // Also after it was stopped.
            bench.model.watch(PacketParts::NONE)?;
            packets = measured?;
        }
        let context = bench.first_context();
        let Bench {
            profiles, left_out, ..
        } = bench;
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

/// A running benchmark.
struct Bench<'a> {
    model: &'a mut Model,
    request: &'a BenchRequest,
    observer: &'a mut dyn Observer,
    copy_bytes_per_s: f64,
    profiles: Vec<PassProfile>,
    left_out: Vec<String>,
}

/// Times of tokens, in seconds.
struct Decoded {
    /// In all.
    seconds: f64,
    /// The part spent in passes on the GPU; 0 without timestamps.
    on_gpu: f64,
}

impl Bench<'_> {
    /// Whether to measure `what`: its positions fit the context, and its time fits the budget.
    fn fits(&mut self, what: &str, positions: u32, seconds: f64) -> bool {
        let context = self.model.config().max_position_embeddings;
        if positions > context {
            let reason = format!("{what}: the context holds {context} tokens");
            self.left_out.push(reason);
            return false;
        }
        if seconds > self.request.budget_s {
            let reason = format!("{what}: it would take about {seconds:.0} s");
            self.left_out.push(reason);
            return false;
        }
        true
    }

    /// The same, and reports the measurement to the observer.
    fn begins(&mut self, what: &str, positions: u32, seconds: f64) -> Result<bool, EngineError> {
        let fits = self.fits(what, positions, seconds);
        if fits {
            self.observer.measuring(what)?;
        }
        Ok(fits)
    }

    /// The seconds of each run.
    async fn repeat(
        &mut self,
        mut run: impl AsyncFnMut(&mut Self) -> Result<f64, EngineError>,
    ) -> Result<Vec<f64>, EngineError> {
        let clock = Clock::start();
        let mut runs = vec![run(self).await?];
        while runs.len() < self.request.runs as usize && clock.seconds() < REPEAT_S {
            runs.push(run(self).await?);
        }
        Ok(runs)
    }

    /// Arbitrary tokens.
    fn prompt(&self, tokens: u32) -> Vec<u32> {
        let vocab = self.model.config().vocab_size;
        (0..tokens).map(|i| i * 7919 % vocab).collect()
    }

    /// Seconds of the prefill of a prompt and the choice of the next token.
    async fn prefill(&mut self, tokens: u32) -> Result<f64, EngineError> {
        let ids = self.prompt(tokens);
        let clock = Clock::start();
        self.model.prefill(&ids, 0)?.prediction().await?;
        Ok(clock.seconds())
    }

    /// Decodes `n` tokens after `context` positions, with the `top` best candidates of each. As in a generation, the
    /// next step is submitted before the last one is awaited.
    async fn decode(&mut self, context: u32, n: u32, top: u32) -> Result<Decoded, EngineError> {
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
}
