use std::fmt;

use vitrine_gpu::{Gpu, StoreKind, Tier};

use crate::packed::BLOCK;
use crate::quantize_x::packed_bytes;
use crate::{Dtype, XFormat, stride};

/// Tiling of `shaders/software/matmul.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatmulTiling {
    /// Lanes of a workgroup.
    pub lanes: u32,
    /// Rows per lane.
    pub rows: u32,
    /// Rows that a lane loads before it multiplies the first of them, see [`MatmulTiling::group_rows`].
    pub group_rows: u32,
    /// Tokens per lane; 1 when one sequence decodes.
    pub tokens: u32,
    /// How x is read.
    pub x: XBinding,
    /// Whether the lanes are one subgroup of [`SHARED_LANES`] lanes, which share their loads of x.
    pub shared_x: bool,
}

/// Numbers of lanes that can share a block of x, which is eight `vec4`s: each lane loads one or two.
pub const SHARED_LANES: [u32; 2] = [BLOCK / 4, BLOCK / 8];

/// How x is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XBinding {
    /// As a uniform, which a workgroup loads once. It holds the tokens of one lane, and only those are computed.
    Uniform,
    /// As a copy in a texture of this kind.
    Texels(StoreKind),
}

/// Lanes and rows of the candidates, the likeliest first. Software adapters are fastest with a workgroup as wide as
/// their vectors and many rows per lane, which share the loads of x.
const WIDE: [(u32, u32); 2] = [(8, 8), (8, 4)];
/// The same for vectors of four lanes, as in SwiftShader.
const NARROW: [(u32, u32); 2] = [(4, 16), (8, 8)];
/// Maximum tokens per lane: each weight is loaded once for all of them.
const MOST_TOKENS: u32 = 4;

impl MatmulTiling {
    pub(crate) fn choose(gpu: &Gpu, k: u32, tokens: u32, x: XFormat) -> Self {
        match gpu.tier() == Tier::SWIFTSHADER && tokens == 1 {
            true => Self::of(gpu, NARROW[0], k, tokens, x),
            false => Self::of(gpu, WIDE[0], k, tokens, x),
        }
    }

    pub(crate) fn candidates(gpu: &Gpu, k: u32, tokens: u32, x: XFormat) -> Vec<Self> {
        let others = match gpu.tier() == Tier::SWIFTSHADER {
            true => NARROW,
            false => WIDE,
        };
        let mut all = vec![Self::choose(gpu, k, tokens, x)];
        for tiling in others.map(|lanes| Self::of(gpu, lanes, k, tokens, x)) {
            if !all.contains(&tiling) {
                all.push(tiling);
            }
        }
        all
    }

    fn of(gpu: &Gpu, (lanes, rows): (u32, u32), k: u32, tokens: u32, x_format: XFormat) -> Self {
        let lane_tokens = tokens.next_power_of_two().min(MOST_TOKENS);
        let row_bytes = match x_format {
            XFormat::Floats(_) => u64::from(stride(k)) * Dtype::F32.bytes(),
            XFormat::Packed => packed_bytes(k),
        };
        let fits = row_bytes * u64::from(lane_tokens) <= gpu.caps().max_uniform_binding;
        Self {
            lanes,
            rows,
            group_rows: Self::group_rows(gpu.tier().weight_store(), rows),
            tokens: lane_tokens,
            x: match tokens <= lane_tokens && fits {
                true => XBinding::Uniform,
                false => XBinding::Texels(gpu.tier().weight_store()),
            },
            shared_x: SHARED_LANES.contains(&lanes) && gpu.caps().subgroup_size == Some(lanes),
        }
    }

    /// Rows that a lane loads before it multiplies the first of them: all on lavapipe, whose consecutive loads overlap;
    /// one with sampled textures, because SwiftShader has too few registers.
    #[must_use]
    pub fn group_rows(weights: StoreKind, rows: u32) -> u32 {
        match weights {
            StoreKind::SampledTexture => 1,
            _ => rows,
        }
    }

    pub(crate) fn is_uniform(self) -> bool {
        self.x == XBinding::Uniform
    }
}

/// Such as `8 lanes, rows 8, x shared`; defaults are left out.
impl fmt::Display for MatmulTiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lanes, rows {}", self.lanes, self.rows)?;
        if self.tokens > 1 {
            write!(f, ", tokens {}", self.tokens)?;
        }
        if let XBinding::Texels(_) = self.x {
            write!(f, ", x from texels")?;
        }
        if self.shared_x {
            write!(f, ", x shared")?;
        }
        Ok(())
    }
}
