use vitrine_kernels::{Dtype, RmsNorm, cpu, stride};

use crate::support::{
    LENGTHS, assert_close, buffer, gpu, numbers, padded, run, step, unpadded, zeros,
};

#[test]
fn rms_norm() {
    let gpu = gpu();
    for n in LENGTHS {
        for tokens in LENGTHS {
            let x = numbers(1, (n * tokens) as usize);
            let weight = numbers(2, n as usize);
            let right = cpu::rms_norm(&x, &weight, 1e-5);
            let wrong = cpu::rms_norm(&x, &weight, 1e-1);

            let buffers = [
                buffer(&gpu, &padded(&x, n, stride(n))),
                buffer(&gpu, &padded(&weight, n, stride(n))),
            ];
            let y = zeros(&gpu, tokens * stride(n));
            let step = step(&gpu, 0, tokens);
            let [x, weight] = &buffers;
            let norm = RmsNorm {
                n,
                eps: 1e-5,
                last_row: false,
                dtype: Dtype::F32,
                add: false,
                keep: true,
            };
            let kept = zeros(&gpu, tokens * stride(n));
            let dispatch = norm.dispatch(&gpu, x, weight, &y, &step, Some(&kept));
            let got = run::<f32>(&gpu, [dispatch.unwrap()], tokens, &y, tokens * stride(n));
            let all = tokens * stride(n);
            assert_eq!(
                run::<f32>(&gpu, [], 0, &kept, all),
                run::<f32>(&gpu, [], 0, x, all)
            );
            let what = format!("{tokens} × {n}");
            assert_close(&unpadded(&got, n, stride(n)), &right, &wrong, 2e-6, &what);

            let norm = RmsNorm {
                n,
                eps: 1e-5,
                last_row: true,
                dtype: Dtype::F32,
                add: false,
                keep: false,
            };
            let dispatch = norm.dispatch(&gpu, x, weight, &y, &step, None).unwrap();
            let got = run::<f32>(&gpu, [dispatch], tokens, &y, n);
            let last = ((tokens - 1) * n) as usize..;
            assert_close(
                &got,
                &right[last.clone()],
                &wrong[last],
                2e-6,
                &format!("{what}, last"),
            );
        }
    }
}

/// As in Gemma: the result is added to y.
#[test]
fn rms_norm_adds() {
    let gpu = gpu();
    let (n, tokens) = (33, 3);
    let x = numbers(1, (n * tokens) as usize);
    let before = numbers(5, (n * tokens) as usize);
    let weight = numbers(2, n as usize);
    let normed = cpu::rms_norm(&x, &weight, 1e-5);
    let right: Vec<f32> = before.iter().zip(&normed).map(|(a, b)| a + b).collect();
    let x = buffer(&gpu, &padded(&x, n, stride(n)));
    let y = buffer(&gpu, &padded(&before, n, stride(n)));
    let (weight, step) = (
        buffer(&gpu, &padded(&weight, n, stride(n))),
        step(&gpu, 0, tokens),
    );
    let norm = RmsNorm {
        n,
        eps: 1e-5,
        last_row: false,
        dtype: Dtype::F32,
        add: true,
        keep: false,
    };
    let dispatch = norm.dispatch(&gpu, &x, &weight, &y, &step, None).unwrap();
    let got = run::<f32>(&gpu, [dispatch], tokens, &y, tokens * stride(n));
    assert_close(
        &unpadded(&got, n, stride(n)),
        &right,
        &normed,
        2e-6,
        "added",
    );
}
