use vitrine_checkpoint::{Activation, KvDtype};
use vitrine_gpu::{ShaderSource, StoreKind};

use crate::software::SHARED_LANES;
use crate::{
    Adjust, Argmax, Count, Dtype, Embed, Format, LayerNorm, LogitStatsOf, Matmul, MlpAct, Patch,
    QkNorm, QuantizeX, Rank, RmsNorm, RowNorms, Sample, SoftCap, Strongest, TOP_K, Table, Tiling,
    TopK, stride,
};

mod attentions;
mod matmuls;

use attentions::{attentions, attentions_of_texels};
use matmuls::matmuls;

/// The sizes of a model.
#[derive(Clone, Copy)]
struct Size {
    hidden: u32,
    intermediate: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    vocab: u32,
    dtype: Dtype,
}

/// Those of SmolLM2-135M, and odd ones with the other data type.
const SIZES: [Size; 2] = [
    Size {
        hidden: 576,
        intermediate: 1536,
        heads: 9,
        kv_heads: 3,
        head_dim: 64,
        vocab: 49_152,
        dtype: Dtype::F32,
    },
    Size {
        hidden: 144,
        intermediate: 200,
        heads: 3,
        kv_heads: 1,
        head_dim: 96,
        vocab: 1003,
        dtype: Dtype::F16,
    },
];

/// A data type of the cache other than that of activations.
fn other(dtype: Dtype) -> KvDtype {
    match dtype {
        Dtype::F32 => KvDtype::F16,
        Dtype::F16 => KvDtype::F32,
    }
}

const TEXTURES: [StoreKind; 2] = [StoreKind::SampledTexture, StoreKind::StorageTexture];

/// Whether the list has this format in textures too; other formats add nothing new there.
fn is_textured(format: Format, size: &Size) -> bool {
    size.hidden == 576 && format == Format::Q4
}

/// Every permutation of every kernel, at the sizes of SmolLM2-135M and at odd sizes. The shader
/// validation tests compile them, natively and in a browser.
#[must_use]
pub fn permutations() -> Vec<ShaderSource> {
    let mut all = Vec::new();
    for size in SIZES {
        let Size {
            hidden,
            intermediate,
            heads,
            kv_heads,
            head_dim,
            vocab,
            dtype,
        } = size;
        for format in Format::ALL {
            let x_stride = stride(hidden);
            for table in [Table::Tokens { scale: 12.0 }, Table::Positions] {
                let embed = Embed {
                    format,
                    quants: StoreKind::Buffer,
                    row_start: 32,
                    rows: vocab,
                    k: hidden,
                    x_stride,
                    table,
                    dtype,
                };
                all.push(embed.source());
                if is_textured(format, &size) && table != Table::Positions {
                    for quants in TEXTURES {
                        all.push(Embed { quants, ..embed }.source());
                    }
                }
            }
            all.extend(matmuls(&size, format).iter().map(Matmul::source));
        }
        for (last_row, add, keep) in [
            (false, false, false),
            (true, false, false),
            (false, true, false),
            (false, false, true),
            (true, false, true),
        ] {
            let norm = RmsNorm {
                n: hidden,
                eps: 1e-5,
                last_row,
                add,
                dtype,
                keep,
            };
            all.push(norm.source());
        }
        for (norm, keep) in [(None, false), (Some(1e-5), false), (Some(1e-5), true)] {
            let quantize = QuantizeX {
                n: hidden,
                norm,
                keep,
                dtype,
                lanes: 8,
            };
            all.push(quantize.source());
        }
        for (last_row, keep) in [(false, false), (true, false), (false, true), (true, true)] {
            let norm = LayerNorm {
                n: hidden,
                eps: 1e-5,
                last_row,
                dtype,
                keep,
            };
            all.push(norm.source());
        }
        let qkv_stride = stride((heads + 2 * kv_heads) * head_dim);
        let k_offset = heads * head_dim;
        let qk_norm = QkNorm {
            heads,
            kv_heads,
            head_dim,
            qkv_stride,
            k_offset,
            eps: 1e-6,
            dtype,
        };
        all.push(qk_norm.source());
        all.extend(attentions(&size));
        let y_stride = stride(intermediate);
        for act in Activation::ALL {
            for up_offset in [None, Some(y_stride)] {
                let mlp_act = MlpAct {
                    act,
                    n: intermediate,
                    x_stride: 2 * y_stride,
                    up_offset,
                    y_stride,
                    dtype,
                };
                all.push(mlp_act.source());
            }
        }
        all.push(Adjust { n: hidden, dtype }.source());
        for differences in [false, true] {
            let row_norms = RowNorms {
                n: hidden,
                per_block: if differences { 1 } else { 2 * kv_heads },
                block_stride: 2 * hidden,
                rows: 61,
                lanes: if differences { 8 } else { 64 },
                differences,
                dtype,
            };
            all.push(row_norms.source());
        }
        for lanes in [8, 64] {
            let strongest = Strongest {
                n: intermediate,
                row_stride: stride(intermediate),
                rows: 30,
                k: 8,
                lanes,
                dtype,
            };
            all.push(strongest.source());
        }
        for lanes in [8, 64] {
            all.extend(LogitStatsOf { n: vocab, lanes }.sources());
        }
        for instead_of in [false, true] {
            let patch = Patch {
                from: if instead_of { 0 } else { head_dim },
                n: head_dim,
                stride: stride(heads * head_dim),
                instead_of,
                dtype,
            };
            all.push(patch.source());
        }
        let soft_cap = SoftCap {
            n: vocab,
            stride: stride(vocab),
            cap: 30.0,
        };
        all.push(soft_cap.source());
        let (n, stride) = (vocab, stride(vocab));
        for lanes in [8, 64] {
            all.extend(Argmax { n, stride, lanes }.sources());
        }
        for k in [5, TOP_K] {
            all.push(TopK { n, stride, k }.source());
        }
        all.push(Rank { n, stride }.source());
        all.push(Sample { n, stride }.source());
        all.push(Count { n }.source());
    }
    all
}

/// Permutations of software adapters whose lanes share their loads; they need subgroups of [`SHARED_LANES`] lanes.
#[must_use]
pub fn subgroup_permutations() -> Vec<ShaderSource> {
    let mut all = Vec::new();
    for (size, lanes) in SIZES.into_iter().zip(SHARED_LANES) {
        all.extend(attentions_of_texels(&size, lanes));
        // How lanes share x depends on the data type of x, and on whether the weights have scales.
        for format in [Format::F32, Format::Q4] {
            let matmuls = matmuls(&size, format).into_iter();
            all.extend(matmuls.filter_map(with_subgroups).map(|it| it.source()));
        }
    }
    all
}

/// The same with lanes that share their loads of x.
fn with_subgroups(mut matmul: Matmul) -> Option<Matmul> {
    let Tiling::Software(tiling) = &mut matmul.tiling else {
        return None;
    };
    tiling.shared_x = SHARED_LANES.contains(&tiling.lanes);
    tiling.shared_x.then_some(matmul)
}
