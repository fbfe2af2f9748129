//! The shaders of real GPUs.

use vitrine_gpu::{Binding, ShaderSource};

use super::tiling::{TILE_ROWS, VEC_SLICE, vec_rows_each};
use super::{Epilogue, Matmul};
use crate::mlp_act::act_unit;
use crate::packed::store_units;
use crate::{Dtype, FRAGMENTS, XFormat, fragment, template};

/// Bytes of workgroup memory that x takes at most: several workgroups fit a core at a time.
const CHUNK_BYTES: u32 = 8 << 10;
/// The most blocks of x there at a time.
const MOST_CHUNK: u32 = 64;

/// Blocks of a slice that a trip of the loop takes for one token.
const UNROLL: u32 = 2;

/// `shaders/matmul/vec.wgsl`.
pub(super) fn vec(matmul: &Matmul, slices: u32, tokens: u32) -> ShaderSource {
    let block_bytes = match matmul.x_format {
        XFormat::Floats(_) => 32 * 4 + 16,
        XFormat::Packed => 3 * 16,
    };
    let chunk = 1 << (CHUNK_BYTES / (block_bytes * tokens)).ilog2();
    let unroll = if tokens == 1 { UNROLL } else { 1 };
    let chunk = MOST_CHUNK.min(chunk).max(unroll * slices);
    let invocations = slices * VEC_SLICE;
    let x = match matmul.x_format {
        XFormat::Floats(_) => "matmul/vec_floats",
        XFormat::Packed => "matmul/vec_bytes",
    };
    let mut source = shader(matmul, "matmul/vec", template!("matmul/vec"), x);
    source.constants.extend([
        ("INVOCATIONS", invocations.into()),
        ("LANES", invocations.into()),
        ("SLICES", slices.into()),
        ("COLS", tokens.into()),
        ("CHUNK", chunk.into()),
        ("ROWS_EACH", vec_rows_each(tokens).into()),
        ("UNROLL", unroll.into()),
    ]);
    matmul.norm_unit(&mut source, "matmul/norm", Binding::Read);
    source
}

/// `shaders/matmul/tile.wgsl`.
pub(super) fn tile(matmul: &Matmul, tokens: u32) -> ShaderSource {
    debug_assert!(matmul.norm.is_none());
    let (x, token_quads) = match matmul.x_format {
        XFormat::Floats(_) => ("matmul/tile_floats", tokens / 32),
        XFormat::Packed => ("matmul/tile_bytes", 1),
    };
    let token_parts = tokens / (4 * token_quads);
    let mut source = shader(matmul, "matmul/tile", template!("matmul/tile"), x);
    source.constants.extend([
        ("ROWS", TILE_ROWS.into()),
        ("TOKEN_QUADS", token_quads.into()),
        ("TOKEN_PARTS", token_parts.into()),
        ("ROW_STAGES", (2 * TILE_ROWS / (8 * token_parts)).into()),
    ]);
    source
}

/// Both read W and x from storage.
fn shader(
    matmul: &Matmul,
    name: &'static str,
    template: &'static str,
    x: &'static str,
) -> ShaderSource {
    let mut source = matmul.common(name, template);
    let scales = store_units(matmul.quants, matmul.format, &mut source);
    source.units.extend([
        ("scales", fragment(scales)),
        ("numbers", fragment("formats/numbers")),
        ("x", fragment(x)),
    ]);
    source.bind("x", Binding::Read);
    matmul.epilogue_unit(&mut source, "matmul/epilogue_append");
    source
}

impl Matmul {
    /// What all kernels have in common: the unpacking of W, the sizes, number formats and the bias.
    pub(crate) fn common(&self, name: &'static str, template: &'static str) -> ShaderSource {
        let mut source = ShaderSource {
            name,
            template,
            fragments: FRAGMENTS,
            units: vec![("format", fragment(self.format.fragment()))],
            constants: self.format.constants(self.k),
            ..ShaderSource::default()
        };
        source.constants.extend([
            ("X_ROW", self.x_row().into()),
            ("N_RESULTS", self.results().into()),
            ("ROW_START", self.row_start.into()),
        ]);
        match (self.x_format, self.epilogue) {
            (XFormat::Floats(dtype), _) => source.flags.extend(dtype.flags()),
            (XFormat::Packed, Epilogue::Append(append)) => {
                source.flags.extend(append.dtype.flags());
            }
            (XFormat::Packed, _) => {}
        }
        let bias = if self.bias {
            source.bind("bias", Binding::Read);
            "matmul/bias"
        } else {
            "matmul/no_bias"
        };
        source.units.push(("bias", fragment(bias)));
        source
    }

    /// The norm that x passes first; `unit` is the fragment for it, which has its weights in such a binding.
    pub(crate) fn norm_unit(&self, source: &mut ShaderSource, unit: &str, weights: Binding) {
        let Some(norm) = self.norm else {
            source.units.push(("norm", fragment("matmul/no_norm")));
            return;
        };
        source.units.push(("norm", fragment(unit)));
        source
            .constants
            .extend([("NORM_N", norm.n.into()), ("NORM_EPS", norm.eps.into())]);
        source.bind("norm", weights);
        if norm.keep {
            source.flags.push("KEEP");
            source.bind("kept", Binding::ReadWrite);
        }
    }

    /// What becomes of the sums; `append` is the fragment for queries, keys and values.
    pub(crate) fn epilogue_unit(&self, source: &mut ShaderSource, append_unit: &'static str) {
        let unit = match self.epilogue {
            Epilogue::Store => "matmul/epilogue_store",
            Epilogue::Add => {
                source.flags.push("ACCUMULATE");
                "matmul/epilogue_store"
            }
            Epilogue::Gate { act, up_offset } => {
                source.units.push(act_unit(act));
                source.constants.push(("UP_OFFSET", up_offset.into()));
                "matmul/epilogue_gate"
            }
            Epilogue::Append(append) => {
                append.describe(source);
                append_unit
            }
        };
        source.units.push(("epilogue", fragment(unit)));
        if !matches!(self.epilogue, Epilogue::Append(_)) {
            source.constants.push(("Y_ROW", (self.y_stride / 4).into()));
            if self.y_dtype == Dtype::F16 {
                source.flags.push("HALF_Y");
            }
            source.bind("y", Binding::ReadWrite);
        }
    }
}
