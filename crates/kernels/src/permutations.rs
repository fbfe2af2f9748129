use vitrine_gpu::ShaderSource;

use crate::{
    Activation, Adjust, Argmax, Attention, AttentionProbs, AttentionShape, CacheLayout, Count,
    Dtype, Embed, Format, LayerNorm, LogitStatsOf, Matmul, MlpAct, Patch, QkNorm, Rank, RmsNorm,
    RopeKvAppend, RowNorms, Sample, Shape, SoftCap, Strongest, TOP_K, Table, TopK, XBinding,
    stride,
};

/// Every permutation of every kernel, at the sizes of SmolLM2-135M and at an odd size: what the
/// shader validation tests compile, natively and in a browser.
#[must_use]
pub fn permutations() -> Vec<ShaderSource> {
    let mut all = Vec::new();
    for (hidden, intermediate, heads, kv_heads, head_dim, vocab) in
        [(576, 1536, 9, 3, 64, 49_152), (144, 200, 3, 1, 96, 1003)]
    {
        // The other size is in the other number format.
        let dtype = if hidden == 576 {
            Dtype::F32
        } else {
            Dtype::F16
        };
        for format in Format::ALL {
            let x_stride = stride(hidden);
            for table in [Table::Tokens { scale: 12.0 }, Table::Positions] {
                let embed = Embed {
                    format,
                    row_start: 32,
                    rows: vocab,
                    k: hidden,
                    x_stride,
                    table,
                    dtype,
                };
                all.push(embed.source());
            }
            let shapes = [
                (8, 8, 1, XBinding::Uniform, false),
                (64, 2, 8, XBinding::Storage, false),
                (8, 8, 1, XBinding::Uniform, true),
                (8, 8, 4, XBinding::UniformBlocks(16), false),
                (8, 8, 4, XBinding::UniformBlocks(16), true),
                (8, 8, 4, XBinding::Storage, true),
                (64, 1, 1, XBinding::Uniform, true),
                (8, 8, 2, XBinding::Uniform, false),
                (8, 8, 4, XBinding::Uniform, true),
                (64, 1, 2, XBinding::Uniform, false),
                (64, 1, 4, XBinding::Storage, true),
                (64, 1, 8, XBinding::Uniform, false),
            ];
            // Decoding, prefill, and what adds to the residual are enough for the other size.
            let shapes = if hidden == 576 {
                &shapes[..]
            } else {
                &shapes[..4]
            };
            for &(lanes, rows, cols, x, accumulate) in shapes {
                let shape = Shape {
                    lanes,
                    rows,
                    cols,
                    x,
                };
                let matmul = Matmul {
                    format,
                    rows: stride(intermediate),
                    k: hidden,
                    x_stride,
                    y_stride: stride(intermediate) * 2,
                    row_start: 32,
                    accumulate,
                    bias: accumulate,
                    x_dtype: dtype,
                    // Logits are f32 always.
                    y_dtype: if x == XBinding::Uniform {
                        Dtype::F32
                    } else {
                        dtype
                    },
                    shape,
                };
                all.push(matmul.source());
            }
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
        let v_offset = k_offset + kv_heads * head_dim;
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
        for (rope_pairs, sliding_window) in
            [(head_dim / 2, None), (head_dim / 4, Some(100)), (0, None)]
        {
            let cache = CacheLayout {
                head_dim,
                rope_pairs,
            };
            for look in [false, true] {
                let append = RopeKvAppend {
                    heads,
                    kv_heads,
                    qkv_stride,
                    k_offset,
                    v_offset,
                    cache,
                    dtype,
                    keep: look,
                };
                all.push(append.source());
                for (by_key, splits) in [(false, 1), (true, 1), (false, 16), (true, 6)] {
                    let attention = Attention {
                        heads,
                        kv_heads,
                        out_stride: stride(heads * head_dim),
                        scale: 0.125,
                        sliding_window,
                        cache,
                        dtype,
                        stats: look,
                        shape: AttentionShape { by_key, splits },
                    };
                    all.extend(attention.sources());
                    if look && splits == 1 && by_key {
                        all.push(AttentionProbs { of: attention }.source());
                    }
                }
            }
        }
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
                differences,
                dtype,
            };
            all.push(row_norms.source());
        }
        let strongest = Strongest {
            n: intermediate,
            row_stride: stride(intermediate),
            rows: 30,
            k: 8,
            dtype,
        };
        all.push(strongest.source());
        all.extend(LogitStatsOf { n: vocab }.sources());
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
        all.extend(Argmax { n, stride }.sources());
        for k in [5, TOP_K] {
            all.push(TopK { n, stride, k }.source());
        }
        all.push(Rank { n, stride }.source());
        all.push(Sample { n, stride }.source());
        all.push(Count { n }.source());
    }
    all
}
