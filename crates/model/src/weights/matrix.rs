use vitrine_gpu::Store;
use vitrine_kernels::PackedPart;

/// A weight matrix on the GPU: one or more stacked tensors, split where the weight format changes and
/// where a binding would exceed the adapter's limit. Clones share their memory.
#[derive(Clone)]
pub struct Matrix {
    /// The parts, in order of rows.
    pub parts: Vec<PackedPart>,
    /// The first padded row of each tensor.
    pub starts: Vec<u32>,
    /// Padded rows in total.
    pub rows: u32,
    /// Weights per row.
    pub k: u32,
}

impl Matrix {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let scales = |part: &PackedPart| part.scales.as_ref().map_or(0, Store::size);
        self.parts
            .iter()
            .map(|part| part.quants.size() + scales(part))
            .sum()
    }
}
