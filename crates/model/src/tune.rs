//! Tuning: timing every tiling of `matmul` on this adapter, on the model's own matrices in its own passes.

use vitrine_gpu::{Clock, Detail, Span, Timer};
use vitrine_kernels::{Tiling, operation};

use crate::plan::Plan;
use crate::sampler::CHOSEN_BYTES;
use crate::sequences::SequenceId;
use crate::tuning::{MatmulKind, Measured, Tuning};
use crate::{MAX_PASS, Model, ModelError};

/// How often each tiling is timed; the fastest run counts.
const ROUNDS: u32 = 3;
/// Tokens of the timed prompt.
const PROMPT: u32 = 64;
/// Position of the first timed token.
const CONTEXT: u32 = 16;
/// Timed matrices of each kind on software adapters, which are slow. GPUs time all layers: a few would stay
/// in the GPU's cache, as they do not in a whole pass.
const LAYERS: u32 = 4;
/// Maximum time of a tiling that replaces the default, relative to the default's; a smaller gain may be noise.
const WORTH: f64 = 0.97;

/// The kind of pass to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunedPass {
    /// Decoding one token.
    Token,
    /// Prefill of a prompt.
    Prompt,
}

/// A kind of matrix with its measurements.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The kind.
    pub kind: MatmulKind,
    /// The times of its tilings.
    pub measured: Measured,
}

impl TunedPass {
    fn most_tokens(self) -> u32 {
        match self {
            Self::Token => 1,
            Self::Prompt => MAX_PASS,
        }
    }

    /// Tokens of the timed pass, limited by the context.
    fn timed_tokens(self, context: u32) -> u32 {
        match self {
            Self::Token => 1,
            Self::Prompt => PROMPT.min(context),
        }
    }
}

impl Model {
    /// The tilings measured on this adapter.
    #[must_use]
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Whether all its matrices have been measured for this kind of pass.
    #[must_use]
    pub fn is_tuned(&self, pass: TunedPass) -> bool {
        let layers = self.all_layers();
        let mut kinds = self.projections(pass, &layers);
        kinds.all(|kind| self.tuning.knows(&kind))
    }

    /// The measurements of its matrices, including those loaded from an earlier run.
    #[must_use]
    pub fn tuned(&self) -> Vec<Tuned> {
        let layers = self.all_layers();
        let passes = [TunedPass::Token, TunedPass::Prompt].into_iter();
        passes
            .flat_map(|pass| self.kinds(pass, &layers))
            .filter_map(|(kind, _)| {
                let measured = self.tuning.measured(&kind)?.clone();
                Some(Tuned { kind, measured })
            })
            .collect()
    }

    /// The maximum number of candidate tilings of any of its matrices, in any pass.
    #[must_use]
    pub fn cuts(&self) -> usize {
        let passes = [TunedPass::Token, TunedPass::Prompt].into_iter();
        let counts = passes.flat_map(|pass| {
            let kinds = self.kinds(pass, &self.all_layers()).into_iter();
            kinds.map(|(kind, _)| kind.candidates(&self.gpu).len())
        });
        counts.max().unwrap_or(0)
    }

    fn all_layers(&self) -> Vec<usize> {
        (0..self.weights.layers.len()).collect()
    }

    /// Times the candidate tilings of all matrices and uses the fastest from now on. The likeliest
    /// candidates come first, and timing ends after `budget_s` seconds. `go_on` receives the rounds done
    /// and their total; if it returns false, nothing changes. The first sequence must be restarted
    /// afterwards.
    ///
    /// Returns an empty list, and changes nothing, if the adapter has no timestamps.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn tune(
        &mut self,
        pass: TunedPass,
        budget_s: f64,
        go_on: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Vec<Tuned>, ModelError> {
        let Some(timer) = self.gpu.timer(Detail::Kernels)? else {
            return Ok(Vec::new());
        };
        let measured = self.try_all(pass, budget_s, &timer, go_on).await;
        self.tuning.attempt(0, None);
        let tuned = measured?;
        for Tuned { kind, measured } in &tuned {
            self.tuning.keep(kind, measured.clone());
        }
        self.plan = Plan::new(self.basis())?;
        self.batches.clear();
        match tuned.is_empty() {
            true => self.rebuild_inspection()?,
            // This also rebuilds the plan of inspected tokens.
            false => self.warm_up().await?,
        }
        Ok(tuned)
    }

    async fn try_all(
        &mut self,
        pass: TunedPass,
        budget_s: f64,
        timer: &Timer,
        go_on: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Vec<Tuned>, ModelError> {
        let context = self.config.max_position_embeddings;
        let tokens = pass.timed_tokens(context);
        let layers = self.layers_to_time(pass);
        let kinds = self.kinds(pass, &layers);
        let of = |(kind, _): &(MatmulKind, u32)| kind.candidates(&self.gpu);
        let candidates: Vec<_> = kinds.iter().map(of).collect();
        let rounds = candidates.iter().map(Vec::len).max().unwrap_or(0);
        let mut times: Vec<Vec<(Tiling, f64)>> = vec![Vec::new(); kinds.len()];
        let position = CONTEXT.min(context - tokens);
        self.place(SequenceId::FIRST, position)?;
        self.reserve(SequenceId::FIRST, position + tokens)?;
        self.point_at(SequenceId::FIRST, position..position + tokens);
        let clock = Clock::start();
        let mut longest = 0.0_f64;
        for round in 0..rounds {
            let began = clock.seconds();
            // Keep time for this round and for repeating the default.
            if round > 0 && began + 2.0 * longest > budget_s {
                break;
            }
            if !go_on(round, rounds) {
                return Ok(Vec::new());
            }
            let best = self.try_one(pass, round, &layers, &kinds, timer).await?;
            for ((times, candidates), best) in times.iter_mut().zip(&candidates).zip(best) {
                times.extend(candidates.get(round).map(|shape| (*shape, best)));
            }
            longest = longest.max(clock.seconds() - began);
        }
        // The default is the baseline of all others, so it is timed again in case other programs disturbed
        // the first round.
        let again = self.try_one(pass, 0, &layers, &kinds, timer).await?;
        for (times, again) in times.iter_mut().zip(again) {
            if let Some((_, seconds)) = times.first_mut() {
                *seconds = seconds.min(again);
            }
        }
        let measured = kinds.into_iter().zip(times).zip(candidates);
        Ok(measured
            .filter_map(|(((kind, matrices), times), candidates)| {
                let &(usual, limit) = times.first()?;
                let fastest = times.iter().min_by(|a, b| a.1.total_cmp(&b.1));
                let best = fastest
                    .filter(|(_, seconds)| *seconds < limit * WORTH)
                    .map_or(usual, |(shape, _)| *shape);
                let named = |(shape, seconds): &(Tiling, f64)| (shape.to_string(), *seconds);
                let measured = Measured {
                    matrices,
                    tokens,
                    times: times.iter().map(named).collect(),
                    best: best.to_string(),
                    complete: times.len() == candidates.len(),
                };
                Some(Tuned { kind, measured })
            })
            .collect())
    }

    /// The fastest time of each kind, in seconds, with its candidate number `round`.
    async fn try_one(
        &mut self,
        pass: TunedPass,
        round: usize,
        layers: &[usize],
        kinds: &[(MatmulKind, u32)],
        timer: &Timer,
    ) -> Result<Vec<f64>, ModelError> {
        self.tuning.attempt(pass.most_tokens(), Some(round));
        let excerpt = Plan::excerpt(self.basis(), layers, pass.most_tokens())?;
        let tokens = pass.timed_tokens(self.config.max_position_embeddings);
        let mut best = vec![f64::MAX; kinds.len()];
        // The first run is not timed: drivers may still compile.
        for run in 0..=ROUNDS {
            let read = [(&self.act.chosen, CHOSEN_BYTES)];
            let (readback, spans) =
                self.gpu
                    .submit_and_read_timed(tokens, [&excerpt], &read, timer);
            let bytes = readback.bytes().await?;
            let spans = spans.spans(&bytes[CHOSEN_BYTES as usize..]);
            if run > 0 {
                let sums = self.sums(pass, layers, kinds, &spans);
                for (best, sum) in best.iter_mut().zip(sums) {
                    *best = best.min(sum);
                }
            }
        }
        Ok(best)
    }

    /// The layers to time: all, or on software adapters enough for each kind of matrix.
    fn layers_to_time(&self, pass: TunedPass) -> Vec<usize> {
        if !self.gpu.tier().is_software() {
            return self.all_layers();
        }
        let mut layers = Vec::new();
        for layer in self.all_layers() {
            let known = self.kinds(pass, &layers);
            let enough = |(kind, _): &(MatmulKind, u32)| {
                let same = |(other, matrices): &&(MatmulKind, u32)| {
                    other == kind && (*matrices >= LAYERS || kind.name == "lm_head")
                };
                known.iter().any(|it| same(&it))
            };
            if !self.kinds(pass, &[layer]).iter().all(enough) {
                layers.push(layer);
            }
        }
        layers
    }

    /// The kinds of matrices in these layers and the head, with the number of each.
    fn kinds(&self, pass: TunedPass, layers: &[usize]) -> Vec<(MatmulKind, u32)> {
        let mut kinds: Vec<(MatmulKind, u32)> = Vec::new();
        for kind in self.projections(pass, layers) {
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, matrices)) => *matrices += 1,
                None => kinds.push((kind, 1)),
            }
        }
        kinds
    }

    /// Its projections in the order of a pass, part by part. A prompt has no head here, because its head runs
    /// for a single token.
    fn projections<'a>(
        &'a self,
        pass: TunedPass,
        layers: &'a [usize],
    ) -> impl Iterator<Item = MatmulKind> + 'a {
        let layers = layers.iter().flat_map(|index| {
            let layer = &self.weights.layers[*index];
            [
                ("qkv_proj", &layer.qkv_proj.matrix),
                ("o_proj", &layer.o_proj.matrix),
                ("gate_up_proj", &layer.gate_up_proj.matrix),
                ("down_proj", &layer.down_proj.matrix),
            ]
        });
        let head = (pass == TunedPass::Token).then(|| ("lm_head", self.weights.head()));
        let tokens = pass.most_tokens();
        layers.chain(head).flat_map(move |(name, matrix)| {
            matrix.parts.iter().map(move |part| MatmulKind {
                name,
                format: part.format,
                rows: part.rows,
                k: part.k,
                tokens,
                x_format: self.act.x_format(part.format),
            })
        })
    }

    /// The total seconds of all matrices of each kind. The spans are in the order of the pass.
    fn sums(
        &self,
        pass: TunedPass,
        layers: &[usize],
        kinds: &[(MatmulKind, u32)],
        spans: &[Span],
    ) -> Vec<f64> {
        let mut sums = vec![0.0; kinds.len()];
        let spans = spans
            .iter()
            .filter(|span| operation(span.kernel) == "matmul");
        for (kind, span) in self.projections(pass, layers).zip(spans) {
            debug_assert_eq!(kind.name, span.place.name);
            if let Some(at) = kinds.iter().position(|(known, _)| *known == kind) {
                sums[at] += span.seconds;
            }
        }
        sums
    }
}
