//! The shader of `software/matmul.wgsl`.

use vitrine_gpu::shader::SUBGROUPS;
use vitrine_gpu::{Binding, ShaderSource, StoreKind};

use super::{MatmulTiling, XBinding};
use crate::packed::{BLOCK, TEXEL_ROWS, TEXEL_STEP, TILE, scales_in, store_units};
use crate::{Epilogue, Matmul, XFormat, fragment, template};

/// The shader of this permutation.
pub(crate) fn matmul(matmul: &Matmul, tiling: MatmulTiling) -> ShaderSource {
    let mut source = matmul.common("software/matmul", template!("software/matmul"));
    let scales = store_units(matmul.quants, matmul.format, &mut source);
    source.units.push(("numbers", fragment("software/numbers")));
    source.units.push((
        "product",
        fragment(match matmul.x_format {
            XFormat::Floats(_) => "software/product_floats",
            XFormat::Packed => "software/product_bytes",
        }),
    ));
    source.constants.extend([
        ("LANES", tiling.lanes.into()),
        ("LANE_ROWS", tiling.rows.into()),
        ("COLS", tiling.tokens.into()),
        ("GROUP_ROWS", tiling.group_rows.into()),
        ("ROW_GROUPS", (tiling.rows / tiling.group_rows).into()),
    ]);
    if shares_scales(matmul, tiling) {
        let unit = fragment("software/scales_of_rows");
        source
            .units
            .extend([("scales", unit), ("row_scales", unit)]);
        let texels = tiling.rows / TEXEL_ROWS;
        source.constants.push(("SCALE_TEXELS", texels.into()));
    } else {
        source.units.extend([
            ("scales", fragment(scales)),
            ("row_scales", fragment("software/scales_of_blocks")),
        ]);
    }
    match tiling.x {
        XBinding::Uniform => {
            source.units.push(("x", fragment("software/x_uniform")));
            let elements = (matmul.x_row_bytes() / 16) as u32;
            source.constants.push(("X_ELEMENTS", elements.into()));
            source.bind("x", Binding::Uniform);
        }
        XBinding::Texels(kind) => {
            source.units.push(("x", fragment("software/x_texels")));
            source.bind("x", kind.binding());
            if kind == StoreKind::StorageTexture {
                source.set_flag("STORAGE_TEXTURE");
            }
        }
    }
    if tiling.shared_x {
        source.flags.extend(["SHARED_X", SUBGROUPS]);
        let quads = BLOCK / 4 / tiling.lanes;
        source.constants.push(("SHARED_QUADS", quads.into()));
    }
    matmul.norm_unit(&mut source, "software/norm", Binding::Uniform);
    let append = match matmul.epilogue {
        Epilogue::Append(append) if append.cache.is_texels() => "software/epilogue_append",
        _ => "matmul/epilogue_append",
    };
    matmul.epilogue_unit(&mut source, append);
    source
}

/// Whether the eight rows of an octet have whole texels of keys and values.
pub(crate) fn has_whole_texels(matmul: &Matmul, _tiling: MatmulTiling) -> bool {
    match matmul.epilogue {
        Epilogue::Append(append) if append.cache.is_texels() => {
            (append.cache.head_dim / 2).is_multiple_of(append.cache.pairs_at_once())
        }
        _ => true,
    }
}

/// Whether scales are texels and the rows of each lane use whole ones: the rows of a workgroup are whole tiles, and
/// those of a lane are [`TEXEL_STEP`] apart, or half as far.
fn shares_scales(matmul: &Matmul, tiling: MatmulTiling) -> bool {
    let is_texels =
        matmul.format.has_scales() && scales_in(matmul.quants, matmul.format) != StoreKind::Buffer;
    let side = tiling.lanes * tiling.rows / matmul.epilogue.rows_per_result();
    let whole_tiles = side.is_multiple_of(TILE) && matmul.results().is_multiple_of(TILE);
    // Pairs are as far apart as their rows.
    let in_order = match matmul.epilogue {
        Epilogue::Append(append) => append.keeps_tiles(),
        _ => true,
    };
    let step = [TEXEL_STEP, TEXEL_STEP / 2].contains(&tiling.lanes);
    is_texels && step && whole_tiles && in_order
}
