use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Usage};

use crate::{FRAGMENTS, template};

const LANES: u32 = 256;
const CHUNK: u32 = 1024;
/// How many candidates `top_k` keeps.
pub const TOP_K: u32 = 64;

/// `shaders/top_k.wgsl`: the [`TOP_K`] highest logits with their ids, best first.
#[derive(Clone, Copy, Debug)]
pub struct TopK {
    /// Logits per row (`vocab_size`).
    pub n: u32,
    /// Logits from one row to the next.
    pub stride: u32,
}

impl TopK {
    /// The shaders of its rounds: each leaves `TOP_K` of every `CHUNK`, until one chunk is left.
    #[must_use]
    pub fn sources(&self) -> Vec<ShaderSource> {
        self.rounds()
            .into_iter()
            .enumerate()
            .map(|(round, n)| self.source(n, round == 0))
            .collect()
    }

    fn source(&self, n: u32, first: bool) -> ShaderSource {
        ShaderSource {
            name: "top_k",
            template: template!("top_k"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", LANES.into()),
                ("CHUNK", CHUNK.into()),
                ("K", TOP_K.into()),
                ("N", n.into()),
                ("STRIDE", if first { self.stride } else { n }.into()),
            ],
            flags: if first { vec!["FIRST"] } else { vec![] },
            bindings: vec![Binding::Read, Binding::ReadWrite],
        }
    }

    /// How many candidates go into each round.
    fn rounds(&self) -> Vec<u32> {
        let mut rounds = vec![self.n];
        let mut n = self.n;
        while n > CHUNK {
            n = n.div_ceil(CHUNK) * TOP_K;
            rounds.push(n);
        }
        rounds
    }

    /// The dispatches, and the buffer of the result: `TOP_K` pairs (logit bits, id) per row. Where
    /// the vocabulary is smaller than `TOP_K`, the last pairs have the id `u32::MAX`. There are
    /// `rows` rows, and never more than `capacity`.
    ///
    /// # Errors
    /// When a shader cannot be assembled or a scratch buffer made.
    pub fn dispatches(
        &self,
        gpu: &Gpu,
        logits: &Buffer,
        rows: Extent,
        capacity: u32,
    ) -> Result<(Vec<Dispatch>, Buffer), GpuError> {
        let mut dispatches = Vec::new();
        let mut from = logits.clone();
        for (n, source) in self.rounds().into_iter().zip(self.sources()) {
            let groups = n.div_ceil(CHUNK);
            let bytes = u64::from(capacity) * u64::from(groups * TOP_K) * 8;
            let to = gpu.buffer("top_k", bytes, Usage::Work)?;
            let kernel = gpu.kernel(&source)?;
            let buffers = [from.whole(), to.whole()];
            let grid = Grid::plane(Extent::Fixed(groups), rows);
            dispatches.push(Dispatch::new(gpu, &kernel, &buffers, grid));
            from = to;
        }
        Ok((dispatches, from))
    }
}
