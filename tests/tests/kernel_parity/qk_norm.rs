use vitrine_kernels::{Dtype, QkNorm, cpu, stride};

use crate::support::{assert_close, buffer, gpu, numbers, run};

#[test]
fn qk_norm() {
    let gpu = gpu();
    for (heads, kv_heads, head_dim, tokens) in [(9, 3, 64, 5), (3, 1, 96, 1), (2, 2, 10, 33)] {
        let k_offset = stride(heads * head_dim);
        let v_offset = k_offset + stride(kv_heads * head_dim);
        let qkv_stride = v_offset + stride(kv_heads * head_dim);
        let qkv = numbers(1, (tokens * qkv_stride) as usize);
        let (q_weight, k_weight) = (numbers(2, head_dim as usize), numbers(3, head_dim as usize));

        let twin = |q_weight: &[f32], k_weight: &[f32]| {
            let mut all = qkv.clone();
            for row in all.chunks_exact_mut(qkv_stride as usize) {
                for (offset, heads, weight) in
                    [(0, heads, q_weight), (k_offset, kv_heads, k_weight)]
                {
                    let part = offset as usize..(offset + heads * head_dim) as usize;
                    let normed = cpu::rms_norm(&row[part.clone()], weight, 1e-6);
                    row[part].copy_from_slice(&normed);
                }
            }
            all
        };
        let right = twin(&q_weight, &k_weight);
        let wrong = twin(&k_weight, &q_weight);

        let buffers = [
            buffer(&gpu, &qkv),
            buffer(&gpu, &q_weight),
            buffer(&gpu, &k_weight),
        ];
        let [qkv, q_weight, k_weight] = &buffers;
        let kernel = QkNorm {
            heads,
            kv_heads,
            head_dim,
            qkv_stride,
            k_offset,
            eps: 1e-6,
            dtype: Dtype::F32,
        };
        let dispatch = kernel.dispatch(&gpu, qkv, [q_weight, k_weight]).unwrap();
        let got = run::<f32>(&gpu, [dispatch], tokens, qkv, tokens * qkv_stride);
        let what = format!("{heads} over {kv_heads} heads of {head_dim}");
        assert_close(&got, &right, &wrong, 5e-6, &what);
    }
}
