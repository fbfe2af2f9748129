//! The kernels of real GPUs whose loads are looked at.

use vitrine_gpu::{Binding, Gpu, ShaderSource, StoreKind};
use vitrine_kernels::{
    Attention, AttentionForm, AttentionShape, CacheLayout, Dtype, Format, KvDtype, Matmul,
    PackedPart, Tiling, XFormat, packed_bytes,
};

use super::trace::Traced;
use crate::support::{cache, step, vec, zeros};

/// A kernel, about to run.
pub struct Case {
    pub kernel: &'static str,
    /// Number formats.
    pub numbers: String,
    /// What else tells it from others.
    pub shape: String,
    pub traced: Traced,
}

/// Both kernels that multiply by weights, each format by each kind of activations.
pub fn matmuls(gpu: &Gpu) -> Vec<Case> {
    let mut cases = Vec::new();
    for (kernel, tiling) in [
        ("matmul/vec", vec(4, 1)),
        ("matmul/tile", Tiling::Tile { tokens: 32 }),
    ] {
        for format in Format::ALL {
            cases.push(matmul(gpu, kernel, tiling, format, Dtype::F32.into()));
            if format.has_bytes() {
                cases.push(matmul(gpu, kernel, tiling, format, XFormat::Packed));
            }
        }
    }
    cases
}

fn matmul(
    gpu: &Gpu,
    kernel: &'static str,
    tiling: Tiling,
    format: Format,
    x_format: XFormat,
) -> Case {
    let (rows, k) = (64, 512);
    let part = PackedPart::new(gpu, "weights", format, k, 0..rows).unwrap();
    let matmul = Matmul {
        x_format,
        ..Matmul::plain(&part, tiling)
    };
    let tokens = tiling.tokens();
    let x_words = matmul.x_row_bytes().max(packed_bytes(k)) as u32 / 4;
    let (x, y) = (zeros(gpu, tokens * x_words), zeros(gpu, tokens * rows));
    let source = matmul.source();
    let bound: Vec<_> = source
        .names
        .iter()
        .map(|name| match *name {
            "quants" => part.quants.whole(),
            "scales" => part.scales.as_ref().unwrap().whole(),
            "x" => x.whole(),
            _ => y.whole(),
        })
        .collect();
    let traced = [("quants", 4 * format.quants().words), ("scales", 4)];
    Case {
        kernel,
        numbers: format!("{format:?}").to_lowercase(),
        shape: match x_format {
            XFormat::Floats(_) => "by floats".to_owned(),
            XFormat::Packed => "by q8".to_owned(),
        },
        traced: Traced::new(gpu, &source, &bound, &traced),
    }
}

/// Both kernels of attention, each number format of the cache by heads of each size.
pub fn attentions(gpu: &Gpu) -> Vec<Case> {
    let mut cases = Vec::new();
    for dtype in [KvDtype::F32, KvDtype::F16, KvDtype::Q8] {
        for head_dim in [64, 96, 128, 256] {
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
    let layout = CacheLayout {
        head_dim,
        rope_pairs: head_dim / 2,
        dtype,
        store: StoreKind::Buffer,
    };
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

/// A kernel that is as it should not be: an invocation goes along a row by itself.
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
        bindings: vec![Binding::Read, Binding::ReadWrite],
        names: vec!["w", "y"],
        ..ShaderSource::default()
    };
    let [w, y] = [0, 1].map(|_| zeros(gpu, 64 * 8 * 4));
    Traced::new(gpu, &source, &[w.whole(), y.whole()], &[("w", 16)])
}
