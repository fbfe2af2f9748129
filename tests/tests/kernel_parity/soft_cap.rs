use vitrine_gpu::Extent;
use vitrine_kernels::{SoftCap, cpu, stride};

use crate::support::{LENGTHS, assert_close, buffer, gpu, numbers, padded, run, unpadded};

#[test]
fn soft_cap() {
    let gpu = gpu();
    for n in LENGTHS {
        let rows = 2;
        let x = numbers(1, (n * rows) as usize);
        let x: Vec<f32> = x.iter().map(|x| x * 900.0).collect();
        let right = cpu::soft_cap(&x, 30.0);
        let wrong = cpu::soft_cap(&x, 31.0);
        let stride = stride(n);
        let buffer = buffer(&gpu, &padded(&x, n, stride));
        let cap = 30.0;
        let each = Extent::Tokens { per: 1 };
        let kernel = SoftCap { n, stride, cap };
        let dispatch = kernel.dispatch(&gpu, &buffer, each).unwrap();
        let got = run::<f32>(&gpu, [dispatch], rows, &buffer, rows * stride);
        let got = unpadded(&got, n, stride);
        assert_close(&got, &right, &wrong, 1e-4, &format!("{n} values"));
    }
}
