//! Measuring how matrices are best multiplied on this adapter: by the model's own matrices in the
//! model's own passes, each cut in turn.

use vitrine_gpu::{Clock, Detail, Span, Timer};
use vitrine_kernels::{Tiling, operation};

use crate::plan::Plan;
use crate::sampler::CHOSEN_BYTES;
use crate::sequences::SequenceId;
use crate::tuning::{MatmulKind, Measured, Tuning};
use crate::{MAX_PASS, Model, ModelError};

/// How often each cut is timed; the best counts.
const ROUNDS: u32 = 3;
/// Tokens of the prompt that is timed.
const PROMPT: u32 = 64;
/// Where the token is that is timed.
const CONTEXT: u32 = 16;
/// Layers with matrices of each kind that a processor which plays a GPU takes its time for. To a real
/// one all of them are little, and a few would stay in its cache as they do not in a whole pass.
const LAYERS: u32 = 4;
/// Another cut than the usual one has to take at most this share of its time: less may be chance.
const WORTH: f64 = 0.97;

/// What passes to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunedPass {
    /// A token that is decoded.
    Token,
    /// The tokens of a prompt.
    Prompt,
}

/// A kind of matrix, and what was measured of it.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The kind.
    pub kind: MatmulKind,
    /// The times of its cuts.
    pub measured: Measured,
}

impl TunedPass {
    fn most_tokens(self) -> u32 {
        match self {
            Self::Token => 1,
            Self::Prompt => MAX_PASS,
        }
    }

    /// Tokens of the pass that is timed, where a context holds so many.
    fn timed_tokens(self, context: u32) -> u32 {
        match self {
            Self::Token => 1,
            Self::Prompt => PROMPT.min(context),
        }
    }
}

impl Model {
    /// What is known of how to multiply its matrices.
    #[must_use]
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Whether all its matrices have been measured for this.
    #[must_use]
    pub fn is_tuned(&self, pass: TunedPass) -> bool {
        let layers = self.all_layers();
        let mut kinds = self.projections(pass, &layers);
        kinds.all(|kind| self.tuning.knows(&kind))
    }

    /// What was measured of its matrices, now or at another time.
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

    /// The most cuts that one of its matrices can have in any pass.
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

    /// Measures the cuts of all matrices, and uses the fastest from now on; begins with the likeliest
    /// and ends when `budget_s` is over. `go_on` hears how many of how many are done; where it does not
    /// want the next, all stays as it was. The first sequence has to be started anew.
    ///
    /// Without timestamps there is nothing to compare, and nothing comes of it.
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
            true => self.watch_again()?,
            // It makes the plan of watched tokens anew as well.
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
            // One more is to come.
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
        // All others are compared with the usual cut: it gets a second chance, for what else the machine
        // did at first.
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

    /// The least seconds of each kind with its cut number `round`.
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
        // The first run makes drivers compile.
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

    /// Layers that have all kinds of matrices.
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

    /// The kinds of matrices in these layers and the head, and how many there are of each.
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

    /// Its projections in the order of a pass, part by part. The head of a prompt is for one token.
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

    /// The seconds of each kind, all its matrices together: the spans are in the order of the pass.
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
