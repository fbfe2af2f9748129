//! Choosing how the tokens of a sequence are sampled.

use vitrine_kernels::SampleParams;
use vitrine_sampling::SamplingParams;

use crate::sampler::{Sampler, Settings};
use crate::{Model, ModelError, SequenceId};

impl Model {
    /// Sets how tokens of a sequence are chosen from its next step on; `None` is greedy decoding.
    /// `prompt` is how many of its tokens were given rather than generated.
    ///
    /// # Errors
    /// When the sequence has ended, a setting is out of range, or GPU memory runs out.
    pub fn set_sampling(
        &mut self,
        id: SequenceId,
        params: Option<&SamplingParams>,
        prompt: u32,
    ) -> Result<(), ModelError> {
        self.positions(id)?;
        let Some(params) = params.filter(|params| !params.is_argmax()) else {
            let settings = self.sampler.iter_mut().map(|sampler| &mut sampler.settings);
            for settings in settings.flat_map(|settings| settings.get_mut(id.index())) {
                *settings = None;
            }
            return Ok(());
        };
        params.check()?;
        self.make_sampler(id)?;
        if let Some(sampler) = &mut self.sampler {
            let old = sampler.settings[id.index()].take();
            let counted = old.is_some_and(|old| old.counted && old.prompt == prompt);
            sampler.settings[id.index()] = Some(Settings {
                params: params.clone(),
                prompt,
                counted,
            });
            sampler.write(&self.gpu, id);
        }
        Ok(())
    }

    /// Makes sure that the sampler's buffers have a slot for `id`.
    fn make_sampler(&mut self, id: SequenceId) -> Result<(), ModelError> {
        let needed = id.index() as u32 + 1;
        let old = self.sampler.as_ref();
        if old.is_some_and(|sampler| sampler.capacity >= needed) {
            return Ok(());
        }
        let (stride, capacity) = (self.weights.head().rows, needed.next_power_of_two());
        let mut larger = Sampler::new(&self.gpu, &self.config, stride, capacity)?;
        let settings = old.map_or(&[][..], |sampler| &sampler.settings);
        for (new, old) in larger.settings.iter_mut().zip(settings) {
            new.clone_from(old);
            if let Some(settings) = new {
                settings.counted = false;
            }
        }
        for index in 0..larger.capacity {
            larger.write(&self.gpu, SequenceId::of(index));
        }
        self.sampler = Some(larger);
        self.draw = None;
        for plan in &mut self.batches {
            plan.draw = None;
        }
        Ok(())
    }

    /// Gives `id` the sampling settings of `of`.
    pub(crate) fn inherit_sampling(
        &mut self,
        id: SequenceId,
        of: SequenceId,
    ) -> Result<(), ModelError> {
        let settings = self.sampler.as_ref().and_then(|sampler| {
            let settings = sampler.settings.get(of.index())?;
            settings.clone()
        });
        match settings {
            Some(Settings { params, prompt, .. }) => self.set_sampling(id, Some(&params), prompt),
            None => self.set_sampling(id, None, 0),
        }
    }

    /// Whether the next token of `id` is sampled; if so, makes sure that the recordings exist.
    pub(crate) fn prepare_draw(&mut self, id: SequenceId) -> Result<bool, ModelError> {
        let Some(sampler) = self.sampler.as_ref().filter(|sampler| sampler.draws(id)) else {
            return Ok(false);
        };
        if self.draw.is_none() {
            let feedback = [&self.act.step, &self.cache.history];
            let (scanned, chosen) = ((&self.act.logits, &self.act.bests), &self.act.chosen);
            self.draw = Some(sampler.draw(&self.gpu, scanned, chosen, feedback, 1)?);
        }
        Ok(true)
    }
}

impl Model {
    /// For each of these sequences, whether its next token is sampled. If any is, makes sure that the
    /// recordings of the batch exist; they take the best token for the other sequences.
    pub(crate) fn prepare_batch_draw(
        &mut self,
        ids: &[SequenceId],
        plan: usize,
    ) -> Result<Vec<bool>, ModelError> {
        let sampler = self.sampler.as_ref();
        let draws = |id: &SequenceId| sampler.is_some_and(|sampler| sampler.draws(*id));
        let drawn: Vec<bool> = ids.iter().map(draws).collect();
        if !drawn.contains(&true) {
            return Ok(drawn);
        }
        if let Some(id) = ids.iter().max() {
            self.make_sampler(*id)?;
        }
        let Some(sampler) = &self.sampler else {
            return Ok(drawn);
        };
        let greedy = SampleParams::from(&SamplingParams::default());
        for (id, _) in ids.iter().zip(&drawn).filter(|(_, drawn)| !**drawn) {
            sampler.write_params(&self.gpu, *id, &greedy);
        }
        let plan = &mut self.batches[plan];
        if plan.draw.is_none() {
            let feedback = [&self.act.step, &self.cache.history];
            let (scanned, chosen) = ((&plan.logits, &plan.bests), &plan.chosen);
            plan.draw = Some(sampler.draw(&self.gpu, scanned, chosen, feedback, plan.rows)?);
        }
        Ok(drawn)
    }
}
