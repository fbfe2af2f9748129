//! `shaders/common/step.wgsl` and `pages.wgsl`: the rows of a pass and the page tables.

/// Maximum rows of a pass.
pub const MAX_ROWS: u32 = 512;

/// Positions in a page of the KV cache; also the tile of keys that attention takes at a time.
pub const PAGE: u32 = 64;

/// The head of `Step`. [`MAX_ROWS`] times [`Row`] follow, then the page tables: (sequences, `page_stride`) of u32.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Step {
    /// Rows of the pass.
    pub n_tokens: u32,
    /// Entries of the page table of each sequence.
    pub page_stride: u32,
}

/// One token of a pass.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Row {
    /// Its position in its sequence.
    pub position: u32,
    /// The sequence, which selects the page table.
    pub sequence: u32,
}

impl Step {
    /// Offset of the rows, in bytes.
    pub const ROWS_AT: u64 = size_of::<Self>() as u64;
    const PAGES_AT: u64 = Self::ROWS_AT + MAX_ROWS as u64 * size_of::<Row>() as u64;

    /// Size in bytes for this many sequences.
    #[must_use]
    pub fn bytes(sequences: u32, page_stride: u32) -> u64 {
        Self::page_at(sequences, page_stride, 0)
    }

    /// Offset of entry `index` of the page table of `sequence`, in bytes.
    #[must_use]
    pub fn page_at(sequence: u32, page_stride: u32, index: u32) -> u64 {
        Self::PAGES_AT + (u64::from(sequence) * u64::from(page_stride) + u64::from(index)) * 4
    }
}

/// The constants of `step.wgsl` and `pages.wgsl`.
pub(crate) fn constants() -> [(&'static str, vitrine_gpu::Constant); 2] {
    [("MAX_ROWS", MAX_ROWS.into()), ("PAGE", PAGE.into())]
}
