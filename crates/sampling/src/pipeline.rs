use crate::mass::SCALE_BITS;
use crate::{Counts, SamplingParams, draw_word, key, mass};

/// The steps from logits to the distribution that is drawn from, for one position.
///
/// Every step can be inspected: [`Pipeline::logit`] after penalties and temperature, [`Pipeline::removed_by`], and
/// [`Pipeline::probability`] after each [`Stage`].
#[derive(Clone, Debug)]
pub struct Pipeline {
    params: SamplingParams,
    penalized: Vec<f32>,
    scaled: Vec<f32>,
    removed_by: Vec<Option<Filter>>,
    masses: Vec<u64>,
    totals: [u64; 4],
}

/// The filters, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filter {
    /// Not among the best `top_k`.
    TopK,
    /// Beyond `top_p` of the probability.
    TopP,
    /// Less probable than `min_p` of the most probable.
    MinP,
}

/// The stages of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Penalties and temperature.
    Scaled,
    /// And top-k.
    TopK,
    /// And top-p.
    TopP,
    /// And min-p: what is drawn from.
    MinP,
}

/// A drawn token and its draw. The remaining tokens divide [0, 1) in order of id, each with a segment as long as its
/// probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// The token.
    pub id: u32,
    /// The random point, from 0 to 1.
    pub u: f64,
    /// Where the token's segment begins.
    pub start: f64,
    /// Length of the segment: the token's probability.
    pub probability: f64,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Scaled, Self::TopK, Self::TopP, Self::MinP];
}

impl Pipeline {
    /// Runs all steps on the logits of a position, (vocab_size). `counts` are those of the tokens
    /// before it.
    #[must_use]
    pub fn new(logits: &[f32], counts: &Counts, params: &SamplingParams) -> Self {
        let params = params.effective();
        let penalized: Vec<f32> = logits
            .iter()
            .enumerate()
            .map(|(id, logit)| penalize(*logit, counts.word(id), &params))
            .collect();
        // Division is less exact than multiplication on some devices.
        let scale = (1.0 / params.temperature) as f32;
        let scaled: Vec<f32> = penalized.iter().map(|logit| logit * scale).collect();
        let highest = scaled.iter().copied().fold(f32::MIN, f32::max);
        let masses: Vec<u64> = scaled.iter().map(|logit| mass(*logit, highest)).collect();
        let mut pipeline = Self {
            params,
            penalized,
            scaled,
            removed_by: vec![None; logits.len()],
            totals: [masses.iter().sum(); 4],
            masses,
        };
        pipeline.top_k();
        pipeline.top_p();
        pipeline.min_p();
        pipeline
    }

    /// The settings that were applied; without `do_sample` those that keep only the best token.
    #[must_use]
    pub fn params(&self) -> &SamplingParams {
        &self.params
    }

    /// Number of tokens.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.scaled.len()
    }

    /// A token's logit after the penalties.
    #[must_use]
    pub fn penalized(&self, id: u32) -> f32 {
        self.penalized[id as usize]
    }

    /// A token's logit after penalties and temperature.
    #[must_use]
    pub fn scaled(&self, id: u32) -> f32 {
        self.scaled[id as usize]
    }

    /// Which filter removed a token, if any.
    #[must_use]
    pub fn removed_by(&self, id: u32) -> Option<Filter> {
        self.removed_by[id as usize]
    }

    /// A token's probability among those that remain after a stage; 0 if it was removed.
    #[must_use]
    pub fn probability(&self, id: u32, stage: Stage) -> f64 {
        let id = id as usize;
        if self.is_kept(id, stage) {
            self.masses[id] as f64 / self.total(stage) as f64
        } else {
            0.0
        }
    }

    /// The tokens that remain after a stage, in order of id.
    pub fn kept(&self, stage: Stage) -> impl Iterator<Item = u32> {
        let ids = 0..self.masses.len();
        ids.filter(move |id| self.is_kept(*id, stage))
            .map(|id| id as u32)
    }

    /// All tokens, the most probable first; equal ones in order of id.
    #[must_use]
    pub fn ranked(&self) -> Vec<u32> {
        let mut ids: Vec<u32> = (0..self.scaled.len() as u32).collect();
        let order = |id: &u32| (u32::MAX - key(self.scaled[*id as usize]), *id);
        ids.sort_by_key(order);
        ids
    }

    /// The draw for the token at `position`.
    #[must_use]
    pub fn draw(&self, position: u32) -> Drawn {
        let word = if self.params.is_greedy() {
            0
        } else {
            draw_word(self.params.seed, position)
        };
        self.draw_at(word)
    }

    /// The token on whose segment the point `word` / 2³² lies.
    #[must_use]
    pub fn draw_at(&self, word: u32) -> Drawn {
        let total = self.total(Stage::MinP);
        let goal = share(total, word);
        let mut start = 0;
        let mut last = 0;
        for id in self.kept(Stage::MinP) {
            last = id;
            let end = start + self.masses[id as usize];
            if end > goal {
                break;
            }
            start = end;
        }
        Drawn {
            id: last,
            u: f64::from(word) / 4_294_967_296.0,
            start: start as f64 / total as f64,
            probability: self.masses[last as usize] as f64 / total as f64,
        }
    }

    fn total(&self, stage: Stage) -> u64 {
        self.totals[stage as usize]
    }

    fn is_kept(&self, id: usize, stage: Stage) -> bool {
        let limit = match stage {
            Stage::Scaled => return true,
            Stage::TopK => Filter::TopK,
            Stage::TopP => Filter::TopP,
            Stage::MinP => Filter::MinP,
        };
        self.removed_by[id].is_none_or(|filter| filter > limit)
    }

    fn remove(&mut self, filter: Filter, remove: impl Fn(&Self, usize) -> bool) {
        for id in 0..self.masses.len() {
            if self.removed_by[id].is_none() && remove(self, id) {
                self.removed_by[id] = Some(filter);
            }
        }
        let stage = filter as usize + 1;
        let left = (0..self.masses.len()).filter(|id| self.removed_by[*id].is_none());
        let total = left.map(|id| self.masses[id]).sum();
        self.totals[stage..].fill(total);
    }

    /// Removes tokens worse than the last of the best `top_k`; ties remain.
    fn top_k(&mut self) {
        let k = self.params.top_k as usize;
        if k == 0 || k >= self.scaled.len() {
            return;
        }
        let mut keys: Vec<u32> = self.scaled.iter().map(|logit| key(*logit)).collect();
        let at = keys.len() - k;
        let (_, &mut worst, _) = keys.select_nth_unstable(at);
        self.remove(Filter::TopK, |this, id| key(this.scaled[id]) < worst);
    }

    /// Removes the least probable tokens while their sum is at most 1 - `top_p`; among equal ones the higher ids
    /// first.
    fn top_p(&mut self) {
        let removable = share(self.total(Stage::TopK), self.params.removable());
        if self.params.top_p >= 1.0 {
            return;
        }
        let mut left: Vec<u32> = self.kept(Stage::TopK).collect();
        left.sort_by_key(|id| (key(self.scaled[*id as usize]), u32::MAX - id));
        let mut sum = 0;
        let mut removed = vec![false; self.masses.len()];
        for id in left {
            sum += self.masses[id as usize];
            if sum > removable {
                break;
            }
            removed[id as usize] = true;
        }
        self.remove(Filter::TopP, |_, id| removed[id]);
    }

    fn min_p(&mut self) {
        let least = self.params.least_mass();
        if least > 0 {
            self.remove(Filter::MinP, |this, id| this.masses[id] < least);
        }
    }
}

impl SamplingParams {
    /// (1 - `top_p`) · 2³²; 0 if nothing is removed.
    #[must_use]
    pub fn removable(&self) -> u32 {
        // The conversion saturates at the largest word.
        ((1.0 - self.top_p) * 4_294_967_296.0) as u32
    }

    /// `min_p` · 2⁴⁰: tokens below this weight are removed.
    #[must_use]
    pub fn least_mass(&self) -> u64 {
        (self.min_p * (1u64 << SCALE_BITS) as f64) as u64
    }
}

fn penalize(logit: f32, word: u32, params: &SamplingParams) -> f32 {
    let mut logit = logit;
    if word != 0 {
        let penalty = params.repetition_penalty;
        let factor = if logit < 0.0 { penalty } else { 1.0 / penalty };
        logit *= factor as f32;
    }
    let count = word & !crate::IN_PROMPT;
    if count > 0 {
        logit -= params.presence_penalty as f32 + params.frequency_penalty as f32 * count as f32;
    }
    logit
}

/// total · part / 2³², rounded down.
fn share(total: u64, part: u32) -> u64 {
    ((u128::from(total) * u128::from(part)) >> 32) as u64
}

#[cfg(test)]
mod tests {
    use super::{Filter, Pipeline, Stage};
    use crate::{Counts, SamplingDefaults, SamplingParams};

    fn params() -> SamplingParams {
        SamplingParams {
            top_k: 0,
            ..SamplingDefaults::default().params()
        }
    }

    fn kept(logits: &[f32], params: &SamplingParams) -> Vec<u32> {
        let pipeline = Pipeline::new(logits, &Counts::default(), params);
        pipeline.kept(Stage::MinP).collect()
    }

    #[test]
    fn filters_keep_what_they_say() {
        let logits = [0.0, 3.0, 1.0, 2.0, 3.0];
        assert_eq!(kept(&logits, &params()), [0, 1, 2, 3, 4]);
        // Ties remain.
        let top_k = SamplingParams {
            top_k: 1,
            ..params()
        };
        assert_eq!(kept(&logits, &top_k), [1, 4]);
        // Among equal tokens the lower id remains, and one token always does.
        let top_p = SamplingParams {
            top_p: 0.0,
            ..params()
        };
        assert_eq!(kept(&logits, &top_p), [1]);
        let min_p = SamplingParams {
            min_p: 0.3,
            ..params()
        };
        assert_eq!(kept(&logits, &min_p), [1, 3, 4]);
    }

    #[test]
    fn the_draw_falls_on_segments_in_order_of_id() {
        let third = 3.0_f32.ln();
        let pipeline = Pipeline::new(&[third, 0.0], &Counts::default(), &params());
        for (word, id) in [(0, 0), (3 << 30, 1), ((3 << 30) - 5000, 0), (u32::MAX, 1)] {
            let drawn = pipeline.draw_at(word);
            assert_eq!(drawn.id, id, "{word}");
            let [start, probability] = [[0.0, 0.75], [0.75, 0.25]][id as usize];
            assert!((drawn.start - start).abs() < 1e-6);
            assert!((drawn.probability - probability).abs() < 1e-6);
        }
    }

    #[test]
    fn penalties_look_at_prompt_and_answer() {
        let logits = [2.0, -2.0, 2.0, 2.0];
        let counts = Counts::new(4, &[0, 1], &[2, 2]);
        let params = SamplingParams {
            repetition_penalty: 2.0,
            presence_penalty: 0.5,
            frequency_penalty: 0.125,
            ..params()
        };
        let pipeline = Pipeline::new(&logits, &counts, &params);
        let penalized: Vec<f32> = (0..4).map(|id| pipeline.penalized(id)).collect();
        assert_eq!(penalized, [1.0, -4.0, 0.25, 2.0]);
        assert_eq!(pipeline.removed_by(3), None::<Filter>);
    }

    #[test]
    fn greedy_takes_the_first_of_the_best() {
        let greedy = SamplingParams {
            repetition_penalty: 1.5,
            ..SamplingParams::default()
        };
        let counts = Counts::new(4, &[1], &[]);
        let pipeline = Pipeline::new(&[1.0, 4.0, 3.0, 3.0], &counts, &greedy);
        for position in 0..50 {
            assert_eq!(pipeline.draw(position).id, 2);
        }
    }
}
