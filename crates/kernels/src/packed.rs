//! Layout of weight matrices in GPU memory.
//!
//! Weights stay quantised, but not in the byte order of the file. A row is divided into blocks of
//! [`BLOCK`] weights along k, a block into steps of 1, 2 or 4 words ([`Format::quants`]); rows are
//! grouped in tiles of [`TILE`]. The order in memory is tile, block, step, row: invocations with
//! neighbouring rows read neighbouring words, and a tile is contiguous, so that it can be uploaded
//! or put into another buffer alone.
//!
//! Scales are in a buffer of their own. A number of blocks ([`Format::group_blocks`]) share an
//! entry of [`Format::group_words`] words; the order is tile, group, word, row. An entry is
//!
//! - one word: (scale, minimum) as two halves, so that w = scale · q + minimum; or a 32-bit scale;
//! - for super-blocks a word per two blocks, with factors of 4 or 8 bits for each step;
//! - for weights of 3, 5 and 6 bits also a word per block and bit: their high bits.
//!
//! In textures the words of [`TEXEL_ROWS`] rows that are [`TEXEL_STEP`] apart are one texel.

use std::ops::Range;

use vitrine_gpu::{Gpu, GpuError, ShaderSource, Store, StoreKind, Usage};

use crate::format::Scales;
pub use crate::format::{BLOCK, Format, TILE};
use crate::fragment;

/// Rows of a tile whose scales are one texel.
pub const TEXEL_ROWS: u32 = 4;
/// Distance of these rows, which is that of an invocation's rows if a workgroup has eight invocations.
pub const TEXEL_STEP: u32 = TILE / TEXEL_ROWS;

/// Consecutive rows of one matrix in GPU memory.
#[derive(Clone)]
pub struct PackedPart {
    /// Weight format.
    pub format: Format,
    /// Weights per row, without padding.
    pub k: u32,
    /// The first of these rows among the (padded) rows of the whole matrix.
    pub row_start: u32,
    /// Rows, a multiple of [`TILE`]; padding rows are zero.
    pub rows: u32,
    /// The weights.
    pub quants: Store,
    /// The scales, for formats that have them.
    pub scales: Option<Store>,
}

/// The memory from which kernels read the quants of this format fastest. Textures are slower than storage buffers
/// for loads of fewer than four words.
#[must_use]
pub fn quants_in(gpu: &Gpu, format: Format) -> StoreKind {
    if format.quants().words == 4 {
        gpu.tier().weight_store()
    } else {
        StoreKind::Buffer
    }
}

/// The memory of the scales, given that of the quants: the same if an entry of scales is one word, else a storage
/// buffer.
#[must_use]
pub(crate) fn scales_in(quants: StoreKind, format: Format) -> StoreKind {
    if format.scale_words() == 1 && format.quants().high_bits == 0 {
        quants
    } else {
        StoreKind::Buffer
    }
}

/// Binds W, sets the unit that loads its quants, and returns the fragment that loads its scales.
pub(crate) fn store_units(
    quants: StoreKind,
    format: Format,
    source: &mut ShaderSource,
) -> &'static str {
    source.bind("quants", quants.binding());
    let scales = scales_in(quants, format);
    if format.has_scales() {
        source.bind("scales", scales.binding());
    }
    if quants == StoreKind::StorageTexture {
        source.set_flag("STORAGE_TEXTURE");
    }
    let unit = match quants {
        StoreKind::Buffer => "formats/quants",
        StoreKind::SampledTexture | StoreKind::StorageTexture => "software/quants",
    };
    source.units.push(("quants", fragment(unit)));
    match scales {
        StoreKind::Buffer => "formats/scales",
        StoreKind::SampledTexture | StoreKind::StorageTexture => "software/scales",
    }
}

impl PackedPart {
    /// Allocates `rows` (whole tiles) of `k` weights, all zero, in the memory that kernels read fastest.
    ///
    /// # Errors
    /// When they exceed the adapter's limits.
    pub fn new(
        gpu: &Gpu,
        label: &str,
        format: Format,
        k: u32,
        rows: Range<u32>,
    ) -> Result<Self, GpuError> {
        let tiles = u64::from(rows.len() as u32 / TILE);
        let (quants, scales) = format.tile_bytes(k);
        Ok(Self {
            format,
            k,
            row_start: rows.start,
            rows: rows.len() as u32,
            quants: gpu.store(label, quants * tiles, quants_in(gpu, format), Usage::Input)?,
            scales: match scales {
                0 => None,
                scales => {
                    let kind = scales_in(quants_in(gpu, format), format);
                    Some(gpu.store(label, scales * tiles, kind, Usage::Input)?)
                }
            },
        })
    }

    /// Queues the upload of whole packed tiles; the first becomes tile `tile` of the part.
    pub fn write(&self, gpu: &Gpu, tile: u64, quants: &[u32], scales: &[u32]) {
        let (quants_bytes, scales_bytes) = self.format.tile_bytes(self.k);
        gpu.write_store(
            &self.quants,
            tile * quants_bytes,
            bytemuck::cast_slice(quants),
        );
        let at = tile * scales_bytes;
        match &self.scales {
            None => {}
            Some(store @ Store::Buffer(_)) => {
                gpu.write_store(store, at, bytemuck::cast_slice(scales));
            }
            Some(store @ Store::Texture(_)) => {
                gpu.write_store(store, at, bytemuck::cast_slice(&in_texels(scales)));
            }
        }
    }

    /// Maximum bytes of quants of a part on this device.
    #[must_use]
    pub fn most_bytes(gpu: &Gpu, format: Format) -> u64 {
        let limit = gpu.caps().max_weight_binding;
        match quants_in(gpu, format) {
            StoreKind::Buffer => limit,
            _ => limit.min(gpu.caps().max_texture),
        }
    }
}

/// Reorders the scales of whole tiles for textures.
fn in_texels(scales: &[u32]) -> Vec<u32> {
    let (step, of_texel) = (TEXEL_STEP as usize, TEXEL_ROWS as usize);
    scales
        .chunks_exact(TILE as usize)
        .flat_map(|rows| (0..rows.len()).map(|i| rows[i % of_texel * step + i / of_texel]))
        .collect()
}

/// Writes rows into tiles on the host.
pub struct TilePacker {
    format: Format,
    k: u32,
    /// Quants of the tiles so far.
    pub quants: Vec<u32>,
    /// Scales of the tiles so far.
    pub scales: Vec<u32>,
}

impl TilePacker {
    /// Allocates `tiles` tiles of zeros.
    #[must_use]
    pub fn new(format: Format, k: u32, tiles: u32) -> Self {
        let (quants, scales) = format.tile_bytes(k);
        let words = |bytes: u64| vec![0; (bytes / 4) as usize * tiles as usize];
        Self {
            format,
            k,
            quants: words(quants),
            scales: words(scales),
        }
    }

    /// Weight format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Weights per row, without padding.
    #[must_use]
    pub fn k(&self) -> u32 {
        self.k
    }

    /// Stores the words of a block: floats, signed bytes, or nibbles, of which the first sixteen weights are the low
    /// ones. 128 is added to signed bytes, because GPUs convert unsigned bytes in one instruction.
    pub fn put(&mut self, row: usize, block: usize, words: &[u32]) {
        let quants = self.format.quants();
        let k_blocks = self.k.div_ceil(BLOCK) as usize;
        let (tile, inside) = (row / TILE as usize, row % TILE as usize);
        let at = (tile * k_blocks + block) * quants.steps as usize;
        let size = quants.words as usize;
        for (step, words) in words.chunks_exact(size).enumerate() {
            let place = ((at + step) * TILE as usize + inside) * size;
            for (to, word) in self.quants[place..place + size].iter_mut().zip(words) {
                *to = if quants.low_bits == 8 {
                    word ^ 0x8080_8080
                } else {
                    *word
                };
            }
        }
    }

    /// Stores the quants of a block with all their bits; signed quants are in two's complement.
    pub fn put_numbers(&mut self, row: usize, block: usize, numbers: &[u8; 32]) {
        let quants = self.format.quants();
        let mut words = [0; 8];
        let n_words = arrange_low(quants.low_bits, quants.words, numbers, &mut words);
        self.put(row, block, &words[..n_words]);
        if quants.high_bits > 0 {
            let blocks = self.format.group_blocks(self.k) as usize;
            let high = arrange_high(quants.low_bits, quants.high_bits, numbers);
            let first = self.format.scale_words() + block as u32 % blocks as u32 * quants.high_bits;
            for (word, high) in (first..).zip(&high[..quants.high_bits as usize]) {
                let place = self.scale_place(row, block / blocks, word);
                self.scales[place] = *high;
            }
        }
    }

    /// Stores the first word of a group's scales: (scale, minimum) as two halves, or one float.
    pub fn put_scale(&mut self, row: usize, group: usize, word: u32) {
        let place = self.scale_place(row, group, 0);
        self.scales[place] = word;
    }

    /// Stores the factors of a block in a super-block: from the lowest bits up (scale, minimum) of
    /// each step in 4 or 8 bits, or without minimums the scale of each step in 8.
    pub fn put_factors(&mut self, row: usize, block: usize, factors: u16) {
        debug_assert!(matches!(self.format.scales(), Scales::Super { .. }));
        let blocks = self.format.group_blocks(self.k) as usize;
        let (group, inside) = (block / blocks, block % blocks);
        let place = self.scale_place(row, group, 1 + inside as u32 / 2);
        let shift = 16 * (inside % 2);
        self.scales[place] &= !(0xFFFF << shift);
        self.scales[place] |= u32::from(factors) << shift;
    }

    fn scale_place(&self, row: usize, group: usize, word: u32) -> usize {
        let (tile, inside) = (row / TILE as usize, row % TILE as usize);
        let at = tile * self.format.groups(self.k) as usize + group;
        let words = self.format.group_words(self.k) as usize;
        (at * words + word as usize) * TILE as usize + inside
    }
}

/// The low bits of a block's quants, and the number of words.
fn arrange_low(bits: u32, step_words: u32, numbers: &[u8; 32], words: &mut [u32; 8]) -> usize {
    // A step of s weights has s / (8 / bits) bytes, of which byte i holds weights i, i + bytes, …
    // from its lowest bits up.
    let step_words = step_words as usize;
    let turns = 8 / bits as usize;
    let steps = numbers.chunks_exact(step_words * 4 * turns);
    let n_words = steps.len() * step_words;
    for (words, numbers) in words.chunks_exact_mut(step_words).zip(steps) {
        for (turn, numbers) in numbers.chunks_exact(step_words * 4).enumerate() {
            for (word, four) in words.iter_mut().zip(numbers.chunks_exact(4)) {
                *word |= four_bytes(four, bits) << (turn as u32 * bits);
            }
        }
    }
    n_words
}

/// The high bits: those of weight 4p + j (of the block, or of a half block if there are two bits) are in byte j,
/// in order of p.
fn arrange_high(low_bits: u32, bits: u32, numbers: &[u8; 32]) -> [u32; 2] {
    let mut words = [0; 2];
    let half = numbers.len() / bits as usize;
    for (word, numbers) in words.iter_mut().zip(numbers.chunks_exact(half)) {
        for (p, four) in numbers.chunks_exact(4).enumerate() {
            let above = four_bytes(four, low_bits + bits) >> low_bits;
            *word |= (above & lowest(bits)) << (p as u32 * bits);
        }
    }
    words
}

/// The lowest `bits` of each of four bytes.
fn four_bytes(bytes: &[u8], bits: u32) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) & lowest(bits)
}

/// A mask of the lowest `bits` of each of four bytes.
fn lowest(bits: u32) -> u32 {
    (0xFF >> (8 - bits)) * 0x0101_0101
}
