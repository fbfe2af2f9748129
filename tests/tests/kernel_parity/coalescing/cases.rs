//! The kernels of real GPUs whose loads are looked at.

use vitrine_checkpoint::{Activation, KvDtype};
use vitrine_gpu::{Binding, Gpu, ShaderSource, StoreKind};
use vitrine_kernels::{
    Attention, AttentionForm, AttentionShape, CacheLayout, Dtype, Epilogue, Format, Matmul,
    PackedPart, RopeKvAppend, Tiling, XFormat, packed_bytes,
};

use super::trace::Traced;
use crate::support::{cache, step, vec, zeros};

/// A kernel, about to run.
pub struct Case {
    pub kernel: &'static str,
    /// Number formats.
    pub numbers: String,
    /// Further properties that identify it.
    pub shape: String,
    pub traced: Traced,
}

const TILE: Tiling = Tiling::Tile { tokens: 32 };
/// Rows of the matrices: several heads, and several rows of gate and up.
const ROWS: u32 = 256;

/// Both kernels that multiply by weights, each format by each kind of activations. Where a result takes two rows,
/// subgroups have other rows: that is seen best in a format of short elements.
pub fn matmuls(gpu: &Gpu) -> Vec<Case> {
    let mut cases = Vec::new();
    for tiling in [vec(4, 1), TILE] {
        for format in Format::ALL {
            let floats = Dtype::F32.into();
            cases.push(matmul(gpu, tiling, format, floats, Epilogue::Store));
            if format.has_bytes() {
                let bytes = XFormat::Packed;
                cases.push(matmul(gpu, tiling, format, bytes, Epilogue::Store));
            }
        }
    }
    for tiling in [vec(4, 1), vec(4, 4), TILE] {
        for epilogue in [gate(), append()] {
            let (format, floats) = (Format::Q2K, Dtype::F32.into());
            cases.push(matmul(gpu, tiling, format, floats, epilogue));
        }
    }
    cases
}

fn gate() -> Epilogue {
    Epilogue::Gate {
        act: Activation::Silu,
        up_offset: ROWS / 2,
    }
}

fn append() -> Epilogue {
    let layout = layout(KvDtype::F32, 64);
    Epilogue::Append(RopeKvAppend {
        heads: 2,
        kv_heads: 1,
        qkv_stride: ROWS,
        k_offset: 128,
        v_offset: 192,
        cache: layout,
        dtype: Dtype::F32,
        keep: false,
    })
}

fn matmul(
    gpu: &Gpu,
    tiling: Tiling,
    format: Format,
    x_format: XFormat,
    epilogue: Epilogue,
) -> Case {
    let k = 512;
    let part = PackedPart::new(gpu, "weights", format, k, 0..ROWS).unwrap();
    let matmul = Matmul {
        x_format,
        epilogue,
        ..Matmul::plain(&part, tiling)
    };
    let source = matmul.source();
    // Other buffers are large enough; their content does not matter here.
    let words = tiling.tokens() * (ROWS + packed_bytes(k) as u32 + k);
    let others: Vec<_> = source.bindings.iter().map(|_| zeros(gpu, words)).collect();
    let names = source.bindings.iter().map(|(name, _)| name).zip(&others);
    let bound: Vec<_> = names
        .map(|(name, other)| match *name {
            "quants" => part.quants.whole(),
            "scales" => part.scales.as_ref().unwrap().whole(),
            _ => other.whole(),
        })
        .collect();
    let traced = [("quants", 4 * format.quants().words), ("scales", 4)];
    let x = match x_format {
        XFormat::Floats(_) => "by floats",
        XFormat::Packed => "by q8",
    };
    let results = match epilogue {
        Epilogue::Gate { .. } => "gate and up",
        Epilogue::Append(_) => "queries and keys",
        Epilogue::Store | Epilogue::Add => "rows",
    };
    Case {
        kernel: source.name,
        numbers: format!("{format:?}").to_lowercase(),
        shape: format!("{x}, {results}, {tiling}"),
        traced: Traced::new(gpu, &source, &bound, &traced),
    }
}

fn layout(dtype: KvDtype, head_dim: u32) -> CacheLayout {
    CacheLayout {
        head_dim,
        rope_pairs: head_dim / 2,
        dtype,
        store: StoreKind::Buffer,
    }
}

/// Both kernels of attention. Heads of floats are whole sectors, whatever their size; heads of bytes never are.
pub fn attentions(gpu: &Gpu) -> Vec<Case> {
    let mut cases = Vec::new();
    for (dtype, sizes) in [
        (KvDtype::F32, &[64, 256][..]),
        (KvDtype::F16, &[96, 128]),
        (KvDtype::Q8, &[64, 96, 128, 256]),
    ] {
        for &head_dim in sizes {
            cases.push(attention(gpu, AttentionForm::Prompt, dtype, head_dim, 4));
            cases.push(attention(gpu, AttentionForm::Token, dtype, head_dim, 4));
        }
    }
    // Queries that leave less workgroup memory for keys.
    cases.push(attention(gpu, AttentionForm::Token, KvDtype::Q8, 256, 8));
    cases
}

/// With two pages of keys, all of which are seen.
fn attention(gpu: &Gpu, form: AttentionForm, dtype: KvDtype, head_dim: u32, group: u32) -> Case {
    let (kv_heads, keys) = (2, 128);
    let heads = group * kv_heads;
    let layout = layout(dtype, head_dim);
    let kernel = Attention {
        heads,
        kv_heads,
        out_stride: heads * head_dim,
        scale: 1.0,
        sliding_window: None,
        cache: layout,
        dtype: Dtype::F32,
        stats: false,
        shape: AttentionShape {
            form,
            splits: 1,
            least_pages: 1,
        },
    };
    // No more tokens than a tile has.
    let tokens = match form {
        AttentionForm::Prompt => 4,
        _ => 1,
    };
    let caches = [0, 1].map(|_| cache(gpu, layout, keys, kv_heads));
    let [query, out] = [0, 1].map(|_| zeros(gpu, tokens * heads * head_dim));
    let step = step(gpu, keys - tokens, tokens);
    let bound = [
        query.whole(),
        caches[0].whole(),
        caches[1].whole(),
        step.whole(),
        out.whole(),
    ];
    let bytes = match dtype {
        KvDtype::F32 => 16,
        KvDtype::F16 => 8,
        KvDtype::Q8 => 4,
    };
    let source = &kernel.sources()[0];
    let traced = [("k_cache", bytes), ("v_cache", bytes)];
    Case {
        kernel: source.name,
        numbers: format!("{dtype:?}").to_lowercase(),
        shape: format!("{head_dim} dimensions, {group} queries"),
        traced: Traced::new(gpu, source, &bound, &traced),
    }
}

/// A bad kernel, for control: each invocation scans a row alone.
pub fn strided(gpu: &Gpu) -> Traced {
    let source = ShaderSource {
        name: "strided",
        template: "
@binding(w) var<storage, read> w: array<vec4<u32>>;
@binding(y) var<storage, read_write> y: array<vec4<u32>>;
fn load(i: u32) -> vec4<u32> { return w[i]; }
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) row: u32) {
    for (var k = 0u; k < 8u; k++) { y[row] += load(row * 8u + k); }
}",
        bindings: vec![("w", Binding::Read), ("y", Binding::ReadWrite)],
        ..ShaderSource::default()
    };
    let [w, y] = [0, 1].map(|_| zeros(gpu, 64 * 8 * 4));
    Traced::new(gpu, &source, &[w.whole(), y.whole()], &[("w", 16)])
}
