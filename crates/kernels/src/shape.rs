//! How the work of a projection is cut for the lanes.

use std::fmt;

use vitrine_gpu::{Gpu, StoreKind};

use crate::packed::BLOCK;
use crate::quantize_x::packed_bytes;
use crate::{Dtype, Format, XFormat, stride};

/// How the work of [`Matmul`](crate::Matmul) is cut for the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Lanes in a workgroup.
    pub lanes: u32,
    /// Rows per lane.
    pub rows: u32,
    /// Tokens per lane; 1 when one sequence decodes.
    pub cols: u32,
    /// Lanes that share a row, and put their sums together at the end: each takes every so many-th
    /// group of blocks.
    pub slices: u32,
    /// Where they put them together.
    pub sums: SliceSums,
    /// How x is read.
    pub x: XBinding,
    /// Whether the lanes are one subgroup, as large as one of [`SHARED_LANES`], which shares what it loads of
    /// x; not with several slices or [`XBinding::Workgroup`].
    pub shared_x: bool,
}

/// How many lanes can share a block of x, which has eight `vec4`s: each loads one or two of them.
pub const SHARED_LANES: [u32; 2] = [BLOCK / 4, BLOCK / 8];

/// Where slices of a row put their sums together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceSums {
    /// In workgroup memory, behind a barrier.
    Workgroup,
    /// Within a subgroup of so many lanes, which has all slices of its rows: neighbouring lanes own
    /// neighbouring rows, and the slices follow one another.
    Subgroup(u32),
}

/// How x is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XBinding {
    /// As storage, whole.
    Storage,
    /// As a uniform, which lanes load once for all of them; it holds the tokens of one lane, and only
    /// those are computed.
    Uniform,
    /// As texels, where this kind of texture holds a copy of it.
    Texels(StoreKind),
    /// As storage, from where the lanes of a workgroup bring some blocks at a time into its memory, for
    /// all of them; not with several slices, and not where x is packed.
    Workgroup,
}

/// Bytes of workgroup memory for x, as far as they are given: small enough for several workgroups at a time
/// on a real GPU's core.
const STAGE_BYTES: u32 = 8 << 10;
/// The most blocks there at a time: more do not make the barriers cheaper.
const MOST_STAGED: u32 = 8;

/// A cut without what depends on adapter and matrix.
#[derive(Clone, Copy)]
struct Cut {
    lanes: u32,
    slices: u32,
    rows: u32,
    by_subgroup: bool,
    /// Tokens of a tile whose x goes through workgroup memory.
    tile: Option<u32>,
}

const fn cut(lanes: u32, slices: u32, rows: u32) -> Cut {
    Cut {
        lanes,
        slices,
        rows,
        by_subgroup: false,
        tile: None,
    }
}

/// x of `cols` tokens goes through workgroup memory.
const fn tile(lanes: u32, rows: u32, cols: u32) -> Cut {
    Cut {
        tile: Some(cols),
        ..cut(lanes, 1, rows)
    }
}

impl Cut {
    /// Its slices meet in subgroups.
    const fn by_subgroup(self) -> Self {
        Self {
            by_subgroup: true,
            ..self
        }
    }
}

/// What may be best on a processor that plays a GPU, the likeliest first.
///
/// It wants a workgroup no wider than its vectors, and fat lanes: unpacking and loads of x are shared
/// by many rows.
const SOFTWARE: [Cut; 11] = [
    cut(8, 1, 8),
    NARROW,
    cut(8, 1, 4),
    cut(8, 1, 12),
    cut(16, 1, 8),
    cut(32, 1, 4),
    cut(8, 1, 2),
    cut(8, 2, 8).by_subgroup(),
    cut(16, 2, 8),
    cut(8, 8, 4).by_subgroup(),
    cut(32, 32, 4),
];

/// The same where vectors have four lanes, as SwiftShader's do.
const NARROW: Cut = cut(4, 1, 16);

/// The same for a GPU, which wants many lanes.
const HARDWARE: [Cut; 17] = [
    cut(128, 4, 1),
    cut(64, 4, 1).by_subgroup(),
    cut(256, 8, 1),
    cut(64, 8, 1).by_subgroup(),
    cut(64, 2, 1),
    cut(64, 1, 1),
    cut(64, 2, 1).by_subgroup(),
    cut(512, 16, 1),
    cut(64, 4, 2).by_subgroup(),
    cut(128, 4, 2),
    cut(256, 8, 2),
    cut(64, 2, 2),
    cut(64, 1, 2),
    cut(256, 16, 1),
    cut(64, 1, 4),
    cut(32, 32, 4).by_subgroup(),
    cut(32, 32, 4),
];

/// What may be better than these for many tokens. Not on a processor that plays a GPU: barriers inside a loop
/// make its compilers keep everything in memory.
const TILES: [Cut; 5] = [
    TILE,
    tile(64, 8, 8),
    tile(64, 4, 16),
    tile(128, 2, 16),
    tile(64, 2, 8),
];

/// The sums of a lane fit its registers, and 256 rows share what is done to each x: its load, its conversion
/// and its sum.
const TILE: Cut = tile(64, 4, 8);

/// Lanes at work at a time below which a GPU mostly waits for its memory.
const BUSY_LANES: u32 = 1 << 16;

impl Shape {
    /// A sensible cut for this device, for W of `rows` × `k` and passes of up to `tokens` tokens: one
    /// when decoding, a few when several sequences decode together, many in a prefill.
    #[must_use]
    pub fn choose(
        gpu: &Gpu,
        format: Format,
        rows: u32,
        k: u32,
        tokens: u32,
        x: impl Into<XFormat>,
    ) -> Self {
        let likely = match (gpu.is_software(), tokens) {
            (true, 1) if gpu.has_narrow_vectors() => NARROW,
            (true, _) => SOFTWARE[0],
            // Several lanes work on a row where there are too few rows to keep it busy.
            (false, 1) => {
                let wanted = (BUSY_LANES / rows.max(1)).clamp(1, 8);
                let busy_slices = 1 << format.groups(k).max(1).ilog2();
                let slices = (1 << wanted.ilog2()).min(busy_slices);
                cut(32 * slices.max(2), slices, 1)
            }
            (false, ..=8) => cut(64, 1, 1),
            (false, _) => TILE,
        };
        Self::of(gpu, likely, k, tokens, x.into())
    }

    /// The cuts that may be best on this device, [`Shape::choose`] first and then the likeliest.
    #[must_use]
    pub fn candidates(
        gpu: &Gpu,
        format: Format,
        rows: u32,
        k: u32,
        tokens: u32,
        x: impl Into<XFormat>,
    ) -> Vec<Self> {
        let x = x.into();
        let (tiles, cuts): (&[_], &[_]) = match gpu.is_software() {
            true => (&[], &SOFTWARE),
            false => (&TILES, &HARDWARE),
        };
        // Not all of them need have as much to do.
        let most_slices = format.groups(k).next_power_of_two();
        let most_lanes = gpu.caps().max_workgroup_lanes;
        let first = Self::choose(gpu, format, rows, k, tokens, x);
        let mut all = vec![first];
        let tiles = tiles.iter().filter(|cut| {
            // Buffers end with a tile.
            cut.tile
                .is_some_and(|cols| tokens >= cols && tokens.is_multiple_of(cols))
        });
        for &cut in tiles.chain(cuts) {
            let possible = cut.slices <= most_slices && cut.lanes <= most_lanes;
            if !possible || cut.by_subgroup && !fits_subgroups(gpu, cut) {
                continue;
            }
            let shape = Self::of(gpu, cut, k, tokens, x);
            let apart = Self {
                shared_x: false,
                ..shape
            };
            for shape in [shape, apart] {
                if shape.memory() <= gpu.caps().max_workgroup_memory && !all.contains(&shape) {
                    all.push(shape);
                }
            }
        }
        all
    }

    fn of(gpu: &Gpu, cut: Cut, k: u32, tokens: u32, x_format: XFormat) -> Self {
        let Cut {
            lanes,
            slices,
            rows,
            by_subgroup,
            tile,
        } = cut;
        let software = gpu.is_software();
        // Each weight is read once for all tokens of a lane.
        let most_cols = if software { 4 } else { 8 };
        let cols = tile.unwrap_or(tokens.next_power_of_two().min(most_cols));
        let row_bytes = match x_format {
            XFormat::Floats(_) => u64::from(stride(k)) * Dtype::F32.bytes(),
            XFormat::Packed => packed_bytes(k),
        };
        let fits = row_bytes * u64::from(cols) <= gpu.caps().max_uniform_binding;
        let x = if tile.is_some() {
            match x_format {
                XFormat::Floats(_) => XBinding::Workgroup,
                // There is nothing to convert once for all.
                XFormat::Packed => XBinding::Storage,
            }
        } else if tokens <= cols && fits {
            XBinding::Uniform
        } else {
            match gpu.weights_in() {
                StoreKind::Buffer => XBinding::Storage,
                texture => XBinding::Texels(texture),
            }
        };
        let shares = SHARED_LANES.contains(&lanes) && slices == 1 && tile.is_none();
        let sums = match gpu.caps().subgroup_size {
            Some(size) if by_subgroup => SliceSums::Subgroup(size),
            _ => SliceSums::Workgroup,
        };
        Self {
            lanes,
            rows,
            cols,
            slices,
            sums,
            x,
            // A load costs a processor most: each lane loads every block's x otherwise.
            shared_x: shares && gpu.caps().subgroup_size == Some(lanes),
        }
    }

    /// The same for results that take two rows each: a lane owns both.
    #[must_use]
    pub fn of_pairs(self) -> Self {
        Self {
            rows: self.rows.next_multiple_of(2),
            ..self
        }
    }

    /// Lanes of a workgroup that have rows of their own.
    #[must_use]
    pub fn row_lanes(self) -> u32 {
        self.lanes / self.slices
    }

    /// Blocks of x that are in workgroup memory at a time, with [`XBinding::Workgroup`].
    #[must_use]
    pub fn stage_blocks(self) -> u32 {
        (STAGE_BYTES / (self.cols * BLOCK * 4)).clamp(1, MOST_STAGED)
    }

    /// The most bytes of workgroup memory that it takes.
    #[must_use]
    pub fn memory(self) -> u32 {
        let rows = self.of_pairs().rows;
        // The norm on the way has a sum too.
        let slices = match (self.slices, self.sums) {
            (1, _) | (_, SliceSums::Subgroup(_)) => 0,
            (_, SliceSums::Workgroup) => self.lanes * self.cols * (rows + 1),
        };
        // A block has two steps at most whose sums are of use.
        let stage = match self.x {
            XBinding::Workgroup => self.cols * self.stage_blocks() * (BLOCK + 2),
            _ => 0,
        };
        // Results in halves are put together there.
        4 * (slices + stage + self.row_lanes() * rows)
    }
}

/// Whether the lanes are whole subgroups, of a size that is known, with all slices of a row each.
fn fits_subgroups(gpu: &Gpu, cut: Cut) -> bool {
    gpu.caps()
        .subgroup_size
        .is_some_and(|size| cut.lanes.is_multiple_of(size) && size.is_multiple_of(cut.slices))
}

/// Lanes for each of some rows that a kernel sums up: on a processor that plays a GPU one vector of them,
/// for several wait for one another at every barrier.
#[must_use]
pub fn lanes_of_rows(gpu: &Gpu) -> u32 {
    if gpu.is_software() { 8 } else { 64 }
}

/// `8 lanes, 8 rows each, x shared`; what is as everywhere is not named.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lanes,
            rows,
            cols,
            slices,
            sums,
            x,
            shared_x,
        } = *self;
        match (slices, self.row_lanes()) {
            (1, _) => write!(f, "{lanes} lanes")?,
            (_, 1) => write!(f, "{lanes} lanes along k")?,
            (_, row_lanes) => write!(f, "{row_lanes} lanes × {slices} slices of k")?,
        }
        write!(f, ", rows {rows}")?;
        if let SliceSums::Subgroup(_) = sums {
            write!(f, ", sums by subgroup")?;
        }
        if cols > 1 {
            write!(f, ", tokens {cols}")?;
        }
        match x {
            XBinding::Storage => write!(f, ", x from storage")?,
            XBinding::Uniform => {}
            XBinding::Texels(_) => write!(f, ", x from texels")?,
            XBinding::Workgroup => write!(f, ", x through workgroup memory")?,
        }
        if shared_x {
            write!(f, ", x shared")?;
        }
        Ok(())
    }
}
