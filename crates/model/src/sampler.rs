//! Sampling tokens on the GPU.

use vitrine_checkpoint::Config;
use vitrine_gpu::{Buffer, Extent, Gpu, Place, Recording, Usage};
use vitrine_kernels::{
    Argmax, Bests, Chosen, Count, DrawnBits, Sample, SampleBuffers, SampleParams,
};
use vitrine_sampling::SamplingParams;

use crate::ModelError;
use crate::sequences::SequenceId;

/// Sampling parameters of each sequence, and its token counts for the penalties.
pub(crate) struct Sampler {
    pub capacity: u32,
    vocab_size: u32,
    /// Floats from one row of logits to the next.
    stride: u32,
    params: Buffer,
    prompts: Buffer,
    counts: Buffer,
    /// By [`SequenceId`]; `None` where the best token is taken.
    pub settings: Vec<Option<Settings>>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub params: SamplingParams,
    pub prompt: u32,
    /// Whether the token counts on the GPU are up to date.
    pub counted: bool,
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
    pub fn new(gpu: &Gpu, config: &Config, stride: u32, capacity: u32) -> Result<Self, ModelError> {
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

    pub fn write(&self, gpu: &Gpu, id: SequenceId) {
        if let Some(Some(settings)) = self.settings.get(id.index()) {
            self.write_params(gpu, id, &SampleParams::from(&settings.params));
            let at = id.index() as u64 * 4;
            gpu.write(&self.prompts, at, &settings.prompt.to_le_bytes());
        }
    }

    pub fn write_params(&self, gpu: &Gpu, id: SequenceId, params: &SampleParams) {
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

/// Size of the choice that a step writes.
pub(crate) const CHOSEN_BYTES: u64 = size_of::<Chosen>() as u64;
/// Size of the record of how a token was drawn.
pub(crate) const DRAWN_BYTES: u64 = size_of::<DrawnBits>() as u64;
