//! Sampling tokens on the GPU.

use vitrine_checkpoint::Config;
use vitrine_gpu::{Buffer, Extent, Gpu, Place, Recording, Usage};
use vitrine_kernels::{
    Argmax, Bests, Chosen, Count, DrawnBits, Sample, SampleBuffers, SampleParams,
};
use vitrine_sampling::SamplingParams;

use crate::ModelError;
use crate::model::Model;
use crate::sequences::SequenceId;

/// Sampling parameters of each sequence, and its token counts for the penalties.
pub(crate) struct Sampler {
    capacity: u32,
    vocab_size: u32,
    /// Floats from one row of logits to the next.
    stride: u32,
    params: Buffer,
    prompts: Buffer,
    counts: Buffer,
    /// By [`SequenceId`]; `None` where the best token is taken.
    settings: Vec<Option<Settings>>,
}

#[derive(Clone)]
struct Settings {
    params: SamplingParams,
    prompt: u32,
    /// Whether the token counts on the GPU are up to date.
    counted: bool,
}

/// Recordings that sample a token for each row of logits.
pub(crate) struct Draw {
    /// [`DrawnBits`] of each row.
    pub drawn: Buffer,
    /// Counts the tokens of each row's sequence.
    pub count: Recording,
    /// Draws the tokens and writes them to the history.
    pub sample: Recording,
}

impl Sampler {
    fn new(gpu: &Gpu, config: &Config, stride: u32, capacity: u32) -> Result<Self, ModelError> {
        let vocab_size = config.vocab_size;
        let buffer =
            |label: &str, bytes: u64| gpu.buffer(label, u64::from(capacity) * bytes, Usage::Work);
        Ok(Self {
            capacity,
            vocab_size,
            stride,
            params: buffer("sampling params", size_of::<SampleParams>() as u64)?,
            prompts: buffer("sampling prompts", 4)?,
            counts: buffer("token counts", u64::from(vocab_size) * 4)?,
            settings: vec![None; capacity as usize],
        })
    }

    /// Records sampling for up to `capacity` rows of these logits, which `argmax` has scanned. A capacity of 1
    /// means the last row of a pass.
    pub fn draw(
        &self,
        gpu: &Gpu,
        (logits, bests): (&Buffer, &Bests),
        chosen: &Buffer,
        [step, history]: [&Buffer; 2],
        capacity: u32,
    ) -> Result<Draw, ModelError> {
        let rows = match capacity {
            1 => Extent::Fixed(1),
            _ => Extent::Tokens { per: 1 },
        };
        let (n, stride) = (self.vocab_size, self.stride);
        let drawn_bytes = u64::from(capacity) * size_of::<DrawnBits>() as u64;
        let drawn = gpu.buffer("drawn", drawn_bytes, Usage::Work)?;
        let choice = |name| Place {
            stage: "choice",
            layer: None,
            name,
        };
        let mut count = Recording::default();
        count.enter(choice("count"));
        let kernel = Count { n };
        let dispatch = kernel.dispatch(gpu, history, step, &self.prompts, &self.counts, rows)?;
        count.dispatch(dispatch);
        let mut sample = Recording::default();
        sample.enter(choice("sample"));
        // `choose` computes the logsumexp.
        let argmax = Argmax {
            n,
            stride,
            lanes: gpu.tier().row_invocations(),
        };
        sample.dispatch(argmax.choose(gpu, bests, chosen, None, rows)?);
        let buffers = SampleBuffers {
            logits,
            params: &self.params,
            counts: &self.counts,
            chosen,
            drawn: &drawn,
            step,
            history,
        };
        sample.dispatch(Sample { n, stride }.dispatch(gpu, &buffers, rows)?);
        Ok(Draw {
            drawn,
            count,
            sample,
        })
    }

    fn write(&self, gpu: &Gpu, id: SequenceId) {
        if let Some(Some(settings)) = self.settings.get(id.index()) {
            self.write_params(gpu, id, &SampleParams::from(&settings.params));
            let at = id.index() as u64 * 4;
            gpu.write(&self.prompts, at, &settings.prompt.to_le_bytes());
        }
    }

    fn write_params(&self, gpu: &Gpu, id: SequenceId, params: &SampleParams) {
        let bytes = bytemuck::bytes_of(params);
        gpu.write(&self.params, id.index() as u64 * bytes.len() as u64, bytes);
    }

    /// Whether tokens of this sequence are sampled rather than greedily chosen.
    pub fn draws(&self, id: SequenceId) -> bool {
        matches!(self.settings.get(id.index()), Some(Some(_)))
    }

    /// Whether the tokens of a sequence must be counted now; later draws update the counts.
    pub fn must_count(&mut self, id: SequenceId) -> bool {
        match self.settings.get_mut(id.index()) {
            Some(Some(settings)) => !std::mem::replace(&mut settings.counted, true),
            _ => false,
        }
    }

    /// Marks the counts as stale after the tokens of the sequence have changed.
    pub fn recount(&mut self, id: SequenceId) {
        if let Some(Some(settings)) = self.settings.get_mut(id.index()) {
            settings.counted = false;
        }
    }
}

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

/// Size of the choice that a step writes.
pub(crate) const CHOSEN_BYTES: u64 = size_of::<Chosen>() as u64;
/// Size of the record of how a token was drawn.
pub(crate) const DRAWN_BYTES: u64 = size_of::<DrawnBits>() as u64;
