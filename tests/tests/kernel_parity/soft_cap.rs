use vitrine_kernels::{SoftCap, cpu};

use crate::support::{LENGTHS, assert_close, buffer, gpu, numbers, run};

#[test]
fn soft_cap() {
    let gpu = gpu();
    for n in LENGTHS {
        let x: Vec<f32> = numbers(1, n as usize).iter().map(|x| x * 900.0).collect();
        let right = cpu::soft_cap(&x, 30.0);
        let wrong = cpu::soft_cap(&x, 31.0);
        let buffer = buffer(&gpu, &x);
        let kernel = SoftCap { n, cap: 30.0 };
        let dispatch = kernel.dispatch(&gpu, &buffer).unwrap();
        let got = run::<f32>(&gpu, [dispatch], 1, &buffer, n);
        assert_close(&got, &right, &wrong, 1e-4, &format!("{n} values"));
    }
}
