use vitrine_kernels::{Dtype, LayerNorm, cpu, stride};

use crate::support::{
    LENGTHS, assert_close, buffer, gpu, numbers, padded, run, step, unpadded, zeros,
};

#[test]
fn layer_norm() {
    let gpu = gpu();
    for (n, tokens) in LENGTHS.into_iter().zip([257, 31, 1, 33, 2]) {
        // Far from zero: a variance by the difference of two sums would be worth nothing.
        let x = numbers(1, (n * tokens) as usize);
        let x: Vec<f32> = x.iter().map(|x| x + 100.0).collect();
        let (weight, bias) = (numbers(2, n as usize), numbers(3, n as usize));
        let right = cpu::layer_norm(&x, &weight, &bias, 1e-3);
        // A single value has no variance, so the control is another bias.
        let other: Vec<f32> = bias.iter().map(|bias| bias + 0.1).collect();
        let wrong = cpu::layer_norm(&x, &weight, &other, 1e-3);

        let buffers = [
            buffer(&gpu, &padded(&x, n, stride(n))),
            buffer(&gpu, &weight),
            buffer(&gpu, &bias),
        ];
        let [x, weight, bias] = &buffers;
        let y = zeros(&gpu, tokens * stride(n));
        let step = step(&gpu, 0, tokens);
        for last_row in [false, true] {
            let norm = LayerNorm {
                n,
                eps: 1e-3,
                last_row,
                dtype: Dtype::F32,
                keep: false,
            };
            let dispatch = norm
                .dispatch(&gpu, x, [weight, bias], &y, &step, None)
                .unwrap();
            let rows = if last_row { 1 } else { tokens };
            let got = run::<f32>(&gpu, [dispatch], tokens, &y, rows * stride(n));
            let from = ((tokens - rows) * n) as usize..;
            assert_close(
                &unpadded(&got, n, stride(n)),
                &right[from.clone()],
                &wrong[from],
                2e-4,
                &format!("{tokens} × {n}, last row {last_row}"),
            );
        }
    }
}
