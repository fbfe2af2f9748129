use vitrine_kernels::{Dtype, Patch, cpu};

use crate::support::{assert_close, buffer, gpu, numbers, run_stored, step, stored};

/// Rows of 64 at positions 10 to 14; patched at 3, which the pass does not reach, 11 and 13.
const WIDTH: u32 = 64;
const FIRST: u32 = 10;
const TOKENS: u32 = 5;

fn slots() -> Vec<u32> {
    let mut slots = vec![Patch::NOTHING; 16];
    for (slot, position) in [3, 11, 13].into_iter().enumerate() {
        slots[position] = slot as u32;
    }
    slots
}

#[test]
fn patch() {
    let gpu = gpu();
    for (dtype, tolerance) in [(Dtype::F32, 1e-6), (Dtype::F16, 1e-3)] {
        let (from, n) = (16, 20);
        let x = numbers(1, (WIDTH * TOKENS) as usize);
        let values: Vec<Vec<f32>> = (2..5).map(|seed| numbers(seed, n)).collect();
        let (width, first) = (WIDTH as usize, FIRST as usize);
        let right = cpu::patch(&x, width, first, from, &[3, 11, 13], &values);
        let wrong = cpu::patch(&x, width, first, from, &[3, 11, 14], &values);
        let x = stored(&gpu, dtype, &x);
        let buffers = [buffer(&gpu, &slots()), buffer(&gpu, &values.concat())];
        let kernel = Patch {
            from: from as u32,
            n: n as u32,
            stride: WIDTH,
            instead_of: false,
            dtype,
        };
        let step = step(&gpu, FIRST, TOKENS);
        let dispatch = kernel
            .dispatch(&gpu, &x, [&buffers[0], &buffers[1]], &step, None)
            .unwrap();
        let got = run_stored(&gpu, [dispatch], TOKENS, &x, WIDTH * TOKENS, dtype);
        assert_close(&got, &right, &wrong, tolerance, "patch");
    }
}

/// A part of a sum is replaced: what else is in it stays.
#[test]
fn patch_instead_of_a_part() {
    let gpu = gpu();
    let [rest, part] = [1, 2].map(|seed| numbers(seed, (WIDTH * TOKENS) as usize));
    let sum = |part: &[f32]| -> Vec<f32> { rest.iter().zip(part).map(|(a, b)| a + b).collect() };
    let values: Vec<Vec<f32>> = (3..6).map(|seed| numbers(seed, WIDTH as usize)).collect();
    let (width, first) = (WIDTH as usize, FIRST as usize);
    let patched = cpu::patch(&part, width, first, 0, &[3, 11, 13], &values);
    let (right, wrong) = (sum(&patched), sum(&part));
    let x = buffer(&gpu, &wrong);
    let buffers = [buffer(&gpu, &slots()), buffer(&gpu, &values.concat())];
    let kernel = Patch {
        from: 0,
        n: WIDTH,
        stride: WIDTH,
        instead_of: true,
        dtype: Dtype::F32,
    };
    let (step, part) = (step(&gpu, FIRST, TOKENS), buffer(&gpu, &part));
    let dispatch = kernel
        .dispatch(&gpu, &x, [&buffers[0], &buffers[1]], &step, Some(&part))
        .unwrap();
    let got = run_stored(&gpu, [dispatch], TOKENS, &x, WIDTH * TOKENS, Dtype::F32);
    assert_close(&got, &right, &wrong, 1e-6, "instead of a part");
}
