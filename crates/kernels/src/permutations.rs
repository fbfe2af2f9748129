use vitrine_gpu::ShaderSource;

use crate::{
    Argmax, Attention, Embed, Format, Matmul, RmsNorm, RopeKvAppend, Shape, SiluMul, Table, TopK,
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
                };
                all.push(embed.source());
            }
            for (lanes, rows, cols, uniform_x, accumulate) in [
                (8, 8, 1, true, false),
                (8, 8, 1, false, true),
                (8, 8, 4, false, true),
                (64, 1, 1, true, true),
                (64, 2, 8, false, false),
            ] {
                let shape = Shape {
                    lanes,
                    rows,
                    cols,
                    uniform_x,
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
                    shape,
                };
                all.push(matmul.source());
            }
        }
        for last_row in [false, true] {
            all.push(
                RmsNorm {
                    n: hidden,
                    eps: 1e-5,
                    last_row,
                }
                .source(),
            );
        }
        let qkv_stride = stride((heads + 2 * kv_heads) * head_dim);
        let k_offset = heads * head_dim;
        let v_offset = k_offset + kv_heads * head_dim;
        all.push(
            RopeKvAppend {
                heads,
                kv_heads,
                head_dim,
                qkv_stride,
                k_offset,
                v_offset,
            }
            .source(),
        );
        let (out_stride, scale) = (stride(heads * head_dim), 0.125);
        all.push(
            Attention {
                heads,
                kv_heads,
                head_dim,
                qkv_stride,
                out_stride,
                scale,
            }
            .source(),
        );
        let y_stride = stride(intermediate);
        let gate_up_stride = 2 * y_stride;
        all.push(
            SiluMul {
                n: intermediate,
                gate_up_stride,
                up_offset: y_stride,
                y_stride,
            }
            .source(),
        );
        all.extend(Argmax { n: vocab }.sources());
        all.extend(TopK { n: vocab }.sources());
    }
    all
}
