use std::fmt;

use vitrine_gpu::{Bound, Extent, Grid};

use crate::software;

/// Which kernel multiplies, and how its work is cut for workgroups and invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// `shaders/matmul/vec.wgsl`, for one token or a few: a workgroup has 32 rows or 64.
    Vec {
        /// Invocations that share a row (split-K); a power of two.
        slices: u32,
        /// Tokens of a workgroup: each weight is unpacked once for all of them.
        tokens: u32,
    },
    /// `shaders/matmul/tile.wgsl`, for many tokens: a workgroup has 64 rows.
    Tile {
        /// Tokens of a workgroup, 32 or 64.
        tokens: u32,
    },
    /// `shaders/software/matmul.wgsl`, for software adapters.
    Software(software::MatmulTiling),
}

/// Invocations of a slice in `matmul/vec`: a tile of rows, whose words lie side by side.
pub(crate) const VEC_SLICE: u32 = 32;
/// Rows of each of them, which share what is loaded of x. With several tokens more than one row would not stay in
/// registers.
pub(crate) fn vec_rows_each(tokens: u32) -> u32 {
    if tokens == 1 { 2 } else { 1 }
}
/// Rows of W of a workgroup of `matmul/tile`.
pub(crate) const TILE_ROWS: u32 = 64;

impl Tiling {
    /// Tokens of a workgroup.
    #[must_use]
    pub fn tokens(self) -> u32 {
        match self {
            Self::Vec { tokens, .. } | Self::Tile { tokens } => tokens,
            Self::Software(tiling) => tiling.tokens,
        }
    }

    /// Whether x is to be copied to a texture.
    #[must_use]
    pub fn takes_texels(self) -> bool {
        matches!(self, Self::Software(tiling) if !tiling.is_uniform())
    }

    /// Workgroups for so many results, each of some rows, and the tokens of a pass.
    pub(crate) fn grid(self, results: u32, rows_per_result: u32) -> Grid {
        let rows = match self {
            Self::Vec { tokens, .. } => VEC_SLICE * vec_rows_each(tokens),
            Self::Tile { .. } => TILE_ROWS,
            Self::Software(tiling) => tiling.lanes * tiling.rows,
        };
        let tokens = match self {
            // What the uniform holds is all there is, however long the pass.
            Self::Software(tiling) if tiling.is_uniform() => Extent::Fixed(1),
            _ => Extent::Tokens { per: self.tokens() },
        };
        Grid::plane(
            Extent::Fixed(results.div_ceil(rows / rows_per_result)),
            tokens,
        )
    }

    /// The bound part of x, of `row_bytes` per token.
    pub(crate) fn bound_x(self, x: Bound<'_>, row_bytes: u64) -> Bound<'_> {
        match (self, x) {
            (Self::Software(tiling), Bound::Buffer { buffer, .. }) if tiling.is_uniform() => {
                buffer.first(u64::from(tiling.tokens) * row_bytes)
            }
            _ => x,
        }
    }
}

/// `vec, 4 slices`, `tile of 64 tokens`: names by which measured tilings are kept.
impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vec { slices, tokens: 1 } => write!(f, "vec, {slices} slices"),
            Self::Vec { slices, tokens } => write!(f, "vec, {slices} slices, {tokens} tokens"),
            Self::Tile { tokens } => write!(f, "tile of {tokens} tokens"),
            Self::Software(tiling) => write!(f, "{tiling}"),
        }
    }
}
