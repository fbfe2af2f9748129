//! The weight formats that kernels unpack, and their memory layout.

/// Weights per block, and floats to which activation rows are padded.
pub const BLOCK: u32 = 32;
/// Rows per tile.
pub const TILE: u32 = 32;

/// A weight format. A file of `shaders/formats/` unpacks it, and [`crate::cpu::unpack_row`] is its CPU twin.
/// `docs/formats.md` compares the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// The upper 16 bits of 32-bit floats.
    BF16,
    /// Signed bytes; a scale per 32 weights. Holds ggml's Q8_0.
    Q8,
    /// Signed bytes; a 32-bit float as the scale of a whole row.
    Q8Row,
    /// 4 bits; a scale and a minimum per 32 weights. Holds ggml's Q4_1 as it is, and Q4_0 with
    /// minimum = -8 · scale.
    Q4,
    /// 4 bits; a scale and a minimum per 128 weights.
    Q4Group128,
    /// 5 bits; a scale and a minimum per 32 weights. Holds ggml's Q5_1, and Q5_0 with minimum =
    /// -16 · scale.
    Q5,
    /// ggml's Q2_K: 2 bits; 4-bit factors of scale and minimum per 16 weights.
    Q2K,
    /// ggml's Q3_K: 3 bits; an 8-bit factor of the scale per 16 weights.
    Q3K,
    /// ggml's Q4_K: 4 bits; 8-bit factors of scale and minimum per 32 weights.
    Q4K,
    /// ggml's Q5_K: 5 bits; 8-bit factors of scale and minimum per 32 weights.
    Q5K,
    /// ggml's Q6_K: 6 bits; an 8-bit factor of the scale per 16 weights.
    Q6K,
}

/// Layout of the quants of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quants {
    /// Steps per block.
    pub steps: u32,
    /// Words per step: 1, 2 or 4, which an invocation loads at once.
    pub words: u32,
    /// Bits of a weight that are stored in the quants.
    pub low_bits: u32,
    /// Higher bits of a weight, which are stored with the scales.
    pub high_bits: u32,
}

/// The scales of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scales {
    /// None: the weights are floats.
    None,
    /// One 32-bit float per row.
    Row,
    /// (scale, minimum) as two halves for this many blocks.
    Group(u32),
    /// (scale, scale of the minimums) as two halves for [`SUPER_BLOCKS`] blocks, and 16 bits of
    /// small factors for each block.
    Super {
        /// Subtracted from every quant; where it is not 0 there are no minimums.
        zero: u32,
    },
}

/// Blocks in a super-block of ggml's K-quants, which have 256 weights.
pub const SUPER_BLOCKS: u32 = 8;

impl Format {
    /// All variants.
    pub const ALL: [Self; 13] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q8,
        Self::Q8Row,
        Self::Q4,
        Self::Q4Group128,
        Self::Q5,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Layout of the quants.
    #[must_use]
    pub fn quants(self) -> Quants {
        let (steps, words, low_bits, high_bits) = match self {
            Self::F32 => (8, 4, 32, 0),
            Self::F16 | Self::BF16 => (4, 4, 16, 0),
            Self::Q8 | Self::Q8Row => (2, 4, 8, 0),
            Self::Q4 | Self::Q4Group128 | Self::Q4K => (1, 4, 4, 0),
            Self::Q5 | Self::Q5K => (1, 4, 4, 1),
            Self::Q2K => (2, 1, 2, 0),
            Self::Q3K => (2, 1, 2, 1),
            Self::Q6K => (2, 2, 4, 2),
        };
        Quants {
            steps,
            words,
            low_bits,
            high_bits,
        }
    }

    /// The scales.
    #[must_use]
    pub fn scales(self) -> Scales {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => Scales::None,
            Self::Q8Row => Scales::Row,
            Self::Q8 | Self::Q4 | Self::Q5 => Scales::Group(1),
            Self::Q4Group128 => Scales::Group(4),
            Self::Q2K | Self::Q4K | Self::Q5K => Scales::Super { zero: 0 },
            Self::Q3K => Scales::Super { zero: 4 },
            Self::Q6K => Scales::Super { zero: 32 },
        }
    }

    /// Whether the format has a buffer of scales.
    #[must_use]
    pub fn has_scales(self) -> bool {
        self.scales() != Scales::None
    }

    /// Whether the weights are bytes before scaling, so that integer dot products apply.
    #[must_use]
    pub fn has_bytes(self) -> bool {
        self.has_scales()
    }

    /// Blocks in a row of `k` weights; the last may be padded with zeros.
    #[must_use]
    pub fn blocks(self, k: u32) -> u32 {
        k.div_ceil(BLOCK)
    }

    /// Words of quants per block.
    #[must_use]
    pub fn block_words(self) -> u32 {
        self.quants().steps * self.quants().words
    }

    /// Blocks that share one entry of scales, in rows of `k` weights.
    #[must_use]
    pub fn group_blocks(self, k: u32) -> u32 {
        match self.scales() {
            Scales::None => 1,
            Scales::Row => k.div_ceil(BLOCK).max(1),
            Scales::Group(blocks) => blocks,
            Scales::Super { .. } => SUPER_BLOCKS,
        }
    }

    /// Groups of blocks in a row of `k` weights; the last may be shorter than the others.
    #[must_use]
    pub fn groups(self, k: u32) -> u32 {
        k.div_ceil(BLOCK).div_ceil(self.group_blocks(k))
    }

    /// Offset of the high bits in an entry of scales, in words.
    #[must_use]
    pub fn scale_words(self) -> u32 {
        match self.scales() {
            Scales::None => 0,
            Scales::Row | Scales::Group(_) => 1,
            Scales::Super { .. } => 1 + SUPER_BLOCKS / 2,
        }
    }

    /// Words of an entry of scales in rows of `k` weights.
    #[must_use]
    pub fn group_words(self, k: u32) -> u32 {
        self.scale_words() + self.quants().high_bits * self.group_blocks(k)
    }

    /// Bytes of quants and bytes of scales of one tile of rows of `k` weights.
    #[must_use]
    pub fn tile_bytes(self, k: u32) -> (u64, u64) {
        let of_rows = |words: u64| words * u64::from(TILE) * 4;
        let quants = u64::from(k.div_ceil(BLOCK)) * u64::from(self.block_words());
        let scales = u64::from(self.groups(k)) * u64::from(self.group_words(k));
        (of_rows(quants), of_rows(scales))
    }

    /// The shader fragment that unpacks the format.
    pub(crate) fn fragment(self) -> &'static str {
        match self {
            Self::F32 => "formats/f32",
            Self::F16 => "formats/f16",
            Self::BF16 => "formats/bf16",
            Self::Q8 => "formats/q8",
            Self::Q8Row => "formats/q8_row",
            Self::Q4 | Self::Q4Group128 => "formats/q4",
            Self::Q5 => "formats/q5",
            Self::Q2K => "formats/q2_k",
            Self::Q3K => "formats/q3_k",
            Self::Q4K => "formats/q4_k",
            Self::Q5K => "formats/q5_k",
            Self::Q6K => "formats/q6_k",
        }
    }

    /// The constants with which the shaders unpack rows of `k` weights.
    pub(crate) fn constants(self, k: u32) -> Vec<(&'static str, vitrine_gpu::Constant)> {
        let mut constants = vec![
            ("K_BLOCKS", self.blocks(k).into()),
            ("STEPS", self.quants().steps.into()),
        ];
        if self.has_scales() {
            constants.extend([
                ("K_GROUPS", self.groups(k).into()),
                ("GROUP", self.group_blocks(k).into()),
                ("GROUP_WORDS", self.group_words(k).into()),
            ]);
        }
        if self.quants().high_bits > 0 {
            constants.push(("HIGH_AT", self.scale_words().into()));
        }
        constants
    }
}
