use vitrine_kernels::{Adjust, Dtype, cpu, stride};

use crate::support::{assert_close, buffer, gpu, numbers, padded, run_stored, stored, unpadded};

#[test]
fn adjust() {
    let gpu = gpu();
    for (n, tokens, dtype, tolerance) in [
        (1, 1, Dtype::F32, 1e-6),
        (33, 5, Dtype::F32, 1e-6),
        (257, 2, Dtype::F32, 1e-6),
        (96, 3, Dtype::F16, 2e-3),
    ] {
        let [x, factor, offset] =
            [(1, tokens), (2, 1), (3, 1)].map(|(seed, rows)| numbers(seed, (n * rows) as usize));
        let right = cpu::adjust(&x, &factor, &offset);
        let wrong = cpu::adjust(&x, &offset, &factor);
        let row = stride(n);
        let x = stored(&gpu, dtype, &padded(&x, n, row));
        let [factor, offset] =
            [factor, offset].map(|values| buffer(&gpu, &padded(&values, n, row)));
        let dispatch = Adjust { n, dtype }
            .dispatch(&gpu, &x, &factor, &offset)
            .unwrap();
        let got = run_stored(&gpu, [dispatch], tokens, &x, tokens * row, dtype);
        let got = unpadded(&got, n, row);
        assert_close(&got, &right, &wrong, tolerance, &format!("{tokens} × {n}"));
    }
}
