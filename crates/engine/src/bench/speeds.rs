//! Tokens per second: of prompts, of decoding, without a KV cache, and of several sequences together.

use vitrine_gpu::Clock;
use vitrine_model::{MAX_PASS, SequenceId};
use vitrine_protocol::{BatchRate, Rate, Speed};

use super::Bench;
use crate::EngineError;

impl Bench<'_> {
    /// The context length at which one sequence, several sequences and packets are compared.
    pub fn first_context(&self) -> u32 {
        self.request.contexts.first().copied().unwrap_or(16)
    }

    /// Seconds to the first token of a prompt of the first length, including all one-time work.
    pub async fn first_token(&mut self) -> Result<Option<f64>, EngineError> {
        match self.request.prefill.first() {
            Some(&tokens) if tokens <= self.model.config().max_position_embeddings => {
                Ok(Some(self.prefill(tokens).await?))
            }
            _ => Ok(None),
        }
    }

    /// Prefill speeds, and the profile of the longest prompt that is one pass.
    pub async fn prefills(&mut self, first_token_s: Option<f64>) -> Result<Vec<Rate>, EngineError> {
        let mut rates: Vec<Rate> = Vec::new();
        for &tokens in &self.request.prefill {
            let expected = match rates.last() {
                Some(rate) => f64::from(tokens) / rate.speed.tokens_per_s,
                None => first_token_s.unwrap_or(0.0),
            };
            if self.begins(&format!("prefill of {tokens}"), tokens, expected)? {
                let runs = self.repeat(async |bench| bench.prefill(tokens).await);
                rates.push(rate(tokens, Speed::of(tokens, runs.await?)));
            }
        }
        let lengths = rates.iter().map(|rate| rate.speed.tokens);
        if let Some(longest) = lengths.filter(|tokens| *tokens <= MAX_PASS).max() {
            let profile = self.profile_prompt(longest).await?;
            self.profiles.extend(profile);
        }
        Ok(rates)
    }

    /// Decoding speeds after each number of positions, and the profile of such a token.
    pub async fn decodes(&mut self) -> Result<Vec<Rate>, EngineError> {
        let n = self.request.new_tokens;
        let mut rates: Vec<Rate> = Vec::new();
        for &context in &self.request.contexts {
            let what = format!("decoding at {context}");
            let expected = match rates.last() {
                Some(rate) => rate.speed.seconds,
                None if self.fits(&what, context.saturating_add(2), 0.0) => {
                    self.decode(context, 1, 0).await?.seconds * f64::from(n)
                }
                None => continue,
            };
            if !self.begins(&what, context.saturating_add(n + 1), expected)? {
                continue;
            }
            let run = async |bench: &mut Self| Ok(bench.decode(context, n, 0).await?.seconds);
            let speed = Speed::of(n, self.repeat(run).await?);
            let bytes = self.model.bytes_per_token(context);
            let profile = self.profile_token(context).await?;
            let outside_kernels = profile
                .as_ref()
                .map(|profile| 1.0 - profile.seconds * speed.tokens_per_s)
                .filter(|share| *share >= 0.0);
            self.profiles.extend(profile);
            rates.push(Rate {
                bytes_per_token: Some(bytes),
                bandwidth_share: Some(bytes as f64 * speed.tokens_per_s / self.copy_bytes_per_s),
                outside_kernels,
                outside_gpu: self.outside_gpu(context, n).await?,
                ..rate(context, speed)
            });
        }
        Ok(rates)
    }

    /// Decoding without a KV cache, which reads all earlier tokens again.
    pub async fn decodes_without_kv_cache(&mut self) -> Result<Vec<Rate>, EngineError> {
        let mut rates: Vec<Rate> = Vec::new();
        if !self.request.no_kv_cache {
            return Ok(rates);
        }
        for &context in &self.request.contexts {
            let what = format!("decoding at {context} without the cache");
            // A token takes at least as long as the last one measured.
            let expected = rates.last().map_or(0.0, |last| {
                last.speed.seconds * f64::from(context + 1) / f64::from(last.context + 1)
            });
            if self.begins(&what, context.saturating_add(1), expected)? {
                let runs = self.repeat(async |bench| bench.prefill(context + 1).await);
                rates.push(rate(context, Speed::of(1, runs.await?)));
            }
        }
        Ok(rates)
    }

    /// Several sequences that decode together.
    pub async fn batches(&mut self) -> Result<Vec<BatchRate>, EngineError> {
        let (context, n) = (self.first_context(), self.request.new_tokens);
        let mut rates: Vec<BatchRate> = Vec::new();
        for &sequences in &self.request.batches {
            let what = format!("decoding {sequences} sequences at {context}");
            let expected = rates.last().map_or(0.0, |last| {
                last.speed.seconds * f64::from(sequences) / f64::from(last.sequences)
            });
            if self.begins(&what, context.saturating_add(n + 1), expected)? {
                let runs = self.repeat(async |bench| bench.batch(sequences, context, n).await);
                rates.push(BatchRate {
                    sequences,
                    context,
                    speed: Speed::of(sequences * n, runs.await?),
                });
            }
        }
        Ok(rates)
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

fn rate(context: u32, speed: Speed) -> Rate {
    Rate {
        context,
        speed,
        bytes_per_token: None,
        bandwidth_share: None,
        outside_kernels: None,
        outside_gpu: None,
    }
}
