//! The candidate tilings of a device.

use vitrine_gpu::Gpu;

use super::Tiling;
use super::tiling::VEC_SLICE;
use crate::{Format, XFormat, software};

/// Maximum tokens for which `matmul/vec` reads weights once; more use tiles.
const MOST_VEC_TOKENS: u32 = 8;
/// Maximum slices times tokens of a workgroup of `matmul/vec`: their sums share 16 KiB of workgroup memory with x.
const MOST_SUMS: u32 = 16;
/// Below this many invocations a GPU mostly waits for memory.
const BUSY_INVOCATIONS: u32 = 1 << 16;
/// Slices of a row that are worth trying.
const SLICES: [u32; 4] = [4, 8, 2, 1];

impl Tiling {
    /// A sensible tiling for this device, for W of `rows` × `k` and passes of up to `tokens` tokens: one
    /// when decoding, a few when several sequences decode together, many in a prefill.
    ///
    /// One token and a few have the same slices, so that a sequence of a batch gets the bits that it gets alone.
    #[must_use]
    pub fn choose(
        gpu: &Gpu,
        format: Format,
        rows: u32,
        k: u32,
        tokens: u32,
        x: impl Into<XFormat>,
    ) -> Self {
        if gpu.tier().is_software() {
            return Self::Software(software::MatmulTiling::choose(gpu, k, tokens, x.into()));
        }
        match tokens {
            ..=MOST_VEC_TOKENS => {
                // More invocations work on a row where there are too few rows to keep the GPU busy.
                let wanted = (2 * BUSY_INVOCATIONS / rows.max(1)).clamp(2, 8);
                let blocks = format.blocks(k).next_power_of_two();
                vec(1 << wanted.min(blocks).ilog2(), tokens)
            }
            9..=32 => Self::Tile { tokens: 32 },
            _ => Self::Tile { tokens: 64 },
        }
    }

    /// The tilings that tuning times on this device: [`Tiling::choose`] first, then the likeliest.
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
        if gpu.tier().is_software() {
            let all = software::MatmulTiling::candidates(gpu, k, tokens, x);
            return all.into_iter().map(Self::Software).collect();
        }
        let mut all = vec![Self::choose(gpu, format, rows, k, tokens, x)];
        let blocks = format.blocks(k).next_power_of_two();
        let most = blocks.min(gpu.caps().max_workgroup_lanes / VEC_SLICE);
        let slices = SLICES.into_iter().filter(|slices| *slices <= most);
        let others: Vec<_> = match tokens {
            ..=MOST_VEC_TOKENS => slices.map(|slices| vec(slices, tokens)).collect(),
            _ => vec![
                Self::Tile { tokens: 64 },
                Self::Tile { tokens: 32 },
                vec(4.min(most), MOST_VEC_TOKENS),
            ],
        };
        for tiling in others {
            if !all.contains(&tiling) {
                all.push(tiling);
            }
        }
        all
    }

    /// Whether the tilings for passes of up to `tokens` tokens can fuse the norm before a projection.
    #[must_use]
    pub fn fuses_norm(gpu: &Gpu, tokens: u32) -> bool {
        gpu.tier().is_software() || tokens <= MOST_VEC_TOKENS
    }
}

/// `matmul/vec` with this many slices, for as many of the tokens as fit.
fn vec(slices: u32, tokens: u32) -> Tiling {
    Tiling::Vec {
        slices,
        tokens: tokens.next_power_of_two().min(MOST_SUMS / slices),
    }
}
