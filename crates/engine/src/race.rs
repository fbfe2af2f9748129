//! The race: generation with and without the KV cache.

use vitrine_protocol::{
    AnswerPart, FinishReason, GenerateRequest, Prompt, RaceLane, RaceReport, RaceStep,
    SamplingParams, TokenStep,
};

use crate::measures::step_flops;
use crate::{Engine, EngineError, Observer};

/// Records when tokens arrive, and forwards them.
struct Stopwatch<'a> {
    seconds: Vec<f64>,
    kv_cache: bool,
    /// Tokens of both generations.
    total: u64,
    observer: &'a mut dyn Observer,
}

impl Observer for Stopwatch<'_> {
    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        self.seconds.push(step.elapsed_s);
        self.observer.part(AnswerPart::Raced {
            kv_cache: self.kv_cache,
            step: Box::new(step.clone()),
        });
        let before = if self.kv_cache { 0 } else { self.total / 2 };
        let done = before + self.seconds.len() as u64;
        self.observer.progress(done, self.total);
    }

    fn stop_requested(&mut self) -> bool {
        self.observer.stop_requested()
    }
}

impl Engine {
    /// Continues a prompt twice, with the KV cache and without it, and measures each step.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, `observer` stops it, or the device
    /// fails.
    pub async fn race(
        &mut self,
        prompt: &Prompt,
        max_new_tokens: u32,
        observer: &mut dyn Observer,
    ) -> Result<RaceReport, EngineError> {
        // One-time work must not count: a warm-up run, and the allocation of all pages.
        let prompt_ids = self.encode(prompt).await?;
        self.model.prefill(&prompt_ids, 0)?.prediction().await?;
        let context = self.model.config().max_position_embeddings;
        let end = (prompt_ids.len() as u32).saturating_add(max_new_tokens);
        self.model.jump(end.min(context))?;

        let with_cache = self
            .lane(&prompt_ids, max_new_tokens, true, observer)
            .await?;
        let without_cache = self
            .lane(&prompt_ids, max_new_tokens, false, observer)
            .await?;
        Ok(RaceReport {
            prompt_ids,
            same_tokens: with_cache.ids == without_cache.ids,
            time_ratio: seconds(&without_cache) / seconds(&with_cache),
            flops_ratio: flops(&without_cache) as f64 / flops(&with_cache) as f64,
            with_cache,
            without_cache,
        })
    }

    async fn lane(
        &mut self,
        prompt_ids: &[u32],
        max_new_tokens: u32,
        kv_cache: bool,
        observer: &mut dyn Observer,
    ) -> Result<RaceLane, EngineError> {
        let request = GenerateRequest {
            prompt: Prompt::Ids {
                ids: prompt_ids.to_vec(),
            },
            max_new_tokens,
            top: 0,
            kv_cache,
            packet: Default::default(),
            interventions: vec![],
            sampling: SamplingParams::default(),
        };
        let mut stopwatch = Stopwatch {
            seconds: Vec::new(),
            kv_cache,
            total: 2 * u64::from(max_new_tokens),
            observer,
        };
        let summary = self.generate(&request, &mut stopwatch).await?;
        if summary.finish_reason == FinishReason::Stopped {
            return Err(EngineError::Stopped);
        }
        let prompt = prompt_ids.len() as u32;
        let mut before = 0.0;
        let steps = (0..).zip(stopwatch.seconds).map(|(index, total_s)| {
            let positions = prompt + index;
            let first = if kv_cache && index > 0 {
                positions - 1
            } else {
                0
            };
            let tokens = positions - first;
            let seconds = total_s - before;
            before = total_s;
            let kept = if kv_cache { u64::from(positions) } else { 0 };
            RaceStep {
                tokens,
                seconds,
                total_s,
                flops: step_flops(self.model.config(), first, tokens),
                cache_bytes: kept * self.model.kv_bytes_per_token(),
            }
        });
        Ok(RaceLane {
            steps: steps.collect(),
            ids: summary.ids,
            text: summary.text,
        })
    }
}

fn seconds(lane: &RaceLane) -> f64 {
    lane.steps.last().map_or(0.0, |step| step.total_s)
}

fn flops(lane: &RaceLane) -> u64 {
    lane.steps.iter().map(|step| step.flops).sum()
}
