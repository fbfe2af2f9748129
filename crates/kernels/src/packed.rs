//! How weight matrices lie in GPU memory.
//!
//! Weights stay quantised, but not in the byte order of the file. A row is cut into blocks of
//! [`BLOCK`] weights along k; a block is 1, 2, 4 or 8 `vec4<u32>` ([`Format::vectors`]); rows are
//! grouped in tiles of [`TILE`]. In memory the order is tile, block, vector, row: lanes that own
//! neighbouring rows read neighbouring 16-byte vectors, and a tile is one contiguous piece that
//! can be uploaded, or put into another buffer, by itself. Scales lie in a buffer of their own,
//! one `u32` per block and row: (scale, minimum) as two halves, so that w = scale · q + minimum.

use vitrine_gpu::Buffer;

/// Weights per block, and floats to which activation rows are padded.
pub const BLOCK: u32 = 32;
/// Rows per tile.
pub const TILE: u32 = 32;

/// The number formats that kernels unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// Signed bytes with a scale.
    Q8,
    /// 4-bit numbers 0 … 15 with a scale and a minimum. Holds ggml's Q4_1 as it is, and Q4_0 with
    /// minimum = -8 · scale.
    Q4,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Q8, Self::Q4];

    /// `vec4<u32>`s per block.
    #[must_use]
    pub fn vectors(self) -> u32 {
        match self {
            Self::F32 => 8,
            Self::F16 => 4,
            Self::Q8 => 2,
            Self::Q4 => 1,
        }
    }

    /// Whether blocks have scales.
    #[must_use]
    pub fn has_scales(self) -> bool {
        matches!(self, Self::Q8 | Self::Q4)
    }

    /// The flags under which `shaders/common/format.wgsl` knows it.
    pub(crate) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::F32 => &["F32"],
            Self::F16 => &["F16"],
            Self::Q8 => &["Q8", "SCALES"],
            Self::Q4 => &["Q4", "SCALES", "MINS"],
        }
    }

    /// Bytes of quants and of scales that one tile of rows of `k` weights takes.
    #[must_use]
    pub fn tile_bytes(self, k: u32) -> (u64, u64) {
        let blocks = u64::from(k.div_ceil(BLOCK)) * u64::from(TILE);
        (
            blocks * u64::from(self.vectors()) * 16,
            if self.has_scales() { blocks * 4 } else { 0 },
        )
    }
}

/// A run of consecutive rows of one matrix in GPU memory.
#[derive(Clone)]
pub struct PackedPart {
    /// How the weights are stored.
    pub format: Format,
    /// Weights per row, without padding.
    pub k: u32,
    /// Where the run begins among the (padded) rows of the whole matrix.
    pub row_start: u32,
    /// Rows, a multiple of [`TILE`]; padding rows are zero.
    pub rows: u32,
    /// The weights.
    pub quants: Buffer,
    /// The scales, for formats that have them.
    pub scales: Option<Buffer>,
}

/// Writes rows into tiles on the host.
pub struct TilePacker {
    format: Format,
    k_blocks: usize,
    /// Quants of the tiles so far.
    pub quants: Vec<u32>,
    /// Scales of the tiles so far.
    pub scales: Vec<u32>,
}

impl TilePacker {
    /// Room for `tiles` tiles of zeros.
    #[must_use]
    pub fn new(format: Format, k: u32, tiles: u32) -> Self {
        let (quants, scales) = format.tile_bytes(k);
        let words = |bytes: u64| vec![0; (bytes / 4) as usize * tiles as usize];
        Self {
            format,
            k_blocks: k.div_ceil(BLOCK) as usize,
            quants: words(quants),
            scales: words(scales),
        }
    }

    /// Stores one block: `words` are its `4 * vectors` words, `scale` its (scale, minimum).
    pub fn put(&mut self, row: usize, block: usize, words: &[u32], scale: u32) {
        let tile_rows = TILE as usize;
        let vectors = self.format.vectors() as usize;
        let (tile, inside) = (row / tile_rows, row % tile_rows);
        let at = tile * self.k_blocks + block;
        for (vector, words) in words.chunks_exact(4).enumerate() {
            let place = ((at * vectors + vector) * tile_rows + inside) * 4;
            self.quants[place..place + 4].copy_from_slice(words);
        }
        if self.format.has_scales() {
            self.scales[at * tile_rows + inside] = scale;
        }
    }
}
