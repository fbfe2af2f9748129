use vitrine_kernels::{Attention, cpu, stride};

use crate::support::{
    LENGTHS, assert_close, buffer, gpu, numbers, padded, run, step, unpadded, zeros,
};

#[test]
fn attention() {
    let gpu = gpu();
    for (heads, kv_heads, head_dim) in [(9, 3, 64), (3, 1, 96), (2, 2, 4), (4, 2, 160)] {
        // (position of the first token, tokens): prefill, decode, and a pass in the middle.
        let passes = LENGTHS.iter().flat_map(|n| [(0, *n), (n - 1, 1), (*n, 3)]);
        for (position, tokens) in passes {
            let positions = position + tokens;
            let q_width = heads * head_dim;
            let kv_width = kv_heads * head_dim;
            let q = numbers(1, (tokens * q_width) as usize);
            let k = numbers(2, (positions * kv_width) as usize);
            let v = numbers(3, (positions * kv_width) as usize);
            let sizes = [heads, kv_heads, head_dim].map(|size| size as usize);
            let scale = 3.0 / (head_dim as f32).sqrt();
            let right = cpu::attention(&q, &k, &v, sizes, position as usize, scale);
            // The control: another value at the last position, which only the last token sees.
            let mut other = v.clone();
            other[((positions - 1) * kv_width) as usize] += 1.0;
            let wrong = cpu::attention(&q, &k, &other, sizes, position as usize, scale);

            let qkv_stride = stride(q_width + 2 * kv_width);
            let out_stride = stride(q_width);
            let qkv = buffer(&gpu, &padded(&q, q_width, qkv_stride));
            let (k, v) = (buffer(&gpu, &k), buffer(&gpu, &v));
            let out = zeros(&gpu, tokens * out_stride);
            let step = step(&gpu, position, tokens);
            let kernel = Attention {
                heads,
                kv_heads,
                head_dim,
                qkv_stride,
                out_stride,
                scale,
            };
            let dispatch = kernel.dispatch(&gpu, &qkv, &k, &v, &out, &step).unwrap();
            let got = run::<f32>(&gpu, [dispatch], tokens, &out, tokens * out_stride);
            let got = unpadded(&got, q_width, out_stride);
            let what = format!("{sizes:?}, {tokens} tokens from position {position}");
            assert_close(&got, &right, &wrong, 1e-5, &what);
        }
    }
}
