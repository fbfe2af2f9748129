use vitrine_gpu::{Extent, Gpu};
use vitrine_kernels::{Dtype, QuantizeX, cpu, packed_bytes, stride};

use crate::support::{buffer, gpu, numbers, padded, run, run_stored, stored, zeros};

const EPS: f32 = 1e-5;
/// Bytes of a block.
const BLOCK: usize = 48;

/// A block from the GPU: bytes, scale, and sums of its halves and of all.
struct Got {
    numbers: [i8; 32],
    about: [f32; 4],
}

fn blocks(bytes: &[u8], n: u32) -> Vec<Got> {
    let rows = bytes.chunks_exact(packed_bytes(n) as usize);
    rows.flat_map(|row| &row.as_chunks::<BLOCK>().0[..n.div_ceil(32) as usize])
        .map(|block| Got {
            numbers: std::array::from_fn(|i| block[i] as i8),
            about: bytemuck::pod_read_unaligned(&block[32..]),
        })
        .collect()
}

/// Whether they are the twin's; a number may be the next one where the twin's value lies in between.
fn is_right(got: &[Got], values: &[f32], n: u32, factors: &[f32]) -> bool {
    let tokens = values.chunks_exact(n as usize).zip(factors);
    let right = tokens.flat_map(|(values, factor)| {
        let blocks = cpu::quantize_x(values).into_iter();
        blocks
            .zip(values.chunks(32))
            .map(move |(block, values)| (block, values, *factor))
    });
    let near = |a: f32, b: f32| (a - b).abs() <= 1e-5 * b.abs();
    got.iter().zip(right).all(|(got, (right, values, factor))| {
        let close = |i: usize| {
            let between = values.get(i).is_some_and(|value| {
                let place = value / right.scale;
                (place.fract().abs() - 0.5).abs() < 1e-3
                    && (place - f32::from(got.numbers[i])).abs() < 0.502
            });
            between || got.numbers[i] == right.numbers[i]
        };
        let sum = |range: std::ops::Range<usize>| -> f32 {
            got.numbers[range].iter().map(|q| f32::from(*q)).sum()
        };
        let scale = right.scale * factor;
        let sums = [sum(0..16), sum(16..32), sum(0..32)];
        (0..32).all(close)
            && near(got.about[0], scale)
            && sums
                .iter()
                .zip(&got.about[1..])
                .all(|(sum, got)| near(*got, sum * scale))
    })
}

/// Values after this rounding.
fn stored_values(dtype: Dtype, values: Vec<f32>) -> Vec<f32> {
    match dtype {
        Dtype::F32 => values,
        Dtype::F16 => {
            let halves = values.iter().map(|x| half::f16::from_f32(*x).to_f32());
            halves.collect()
        }
    }
}

fn check(gpu: &Gpu, n: u32, tokens: u32, dtype: Dtype, with_norm: bool) {
    let mut x = stored_values(dtype, numbers(7, (tokens * n) as usize));
    // A block of nothing.
    let zeros_end = n.min(32) as usize;
    x[..zeros_end].fill(0.0);
    let weight = numbers(8, n as usize);
    let mut values = x.clone();
    let mut factors = vec![1.0; tokens as usize];
    if with_norm {
        for (values, factor) in values.chunks_exact_mut(n as usize).zip(&mut factors) {
            let squares: f32 = values.iter().map(|x| x * x).sum();
            *factor = 1.0 / (squares / n as f32 + EPS).sqrt();
            for (value, weight) in values.iter_mut().zip(&weight) {
                *value *= weight;
            }
        }
    }
    let keep = with_norm;
    let kernel = QuantizeX::new(gpu, n, with_norm.then_some(EPS), keep, dtype);
    let input = stored(gpu, dtype, &padded(&x, n, stride(n)));
    let weight = buffer(gpu, &padded(&weight, n, stride(n)));
    let words = (u64::from(tokens) * packed_bytes(n) / 4) as u32;
    let (packed, kept) = (zeros(gpu, words), zeros(gpu, tokens * stride(n)));
    let norm = with_norm.then_some((&weight, Some(&kept)));
    let each = Extent::Tokens { per: 1 };
    let dispatch = kernel.dispatch(gpu, &input, norm, &packed, each).unwrap();
    let got = run::<u32>(gpu, [dispatch], tokens, &packed, words);
    let got = blocks(bytemuck::cast_slice(&got), n);
    let what = format!("{tokens} × {n}, {dtype:?}, norm {with_norm}");
    assert!(is_right(&got, &values, n, &factors), "{what}");
    if n > 32 {
        assert_eq!(got[0].about, [0.0; 4], "{what}: nothing is nothing");
        // Control: one value that is off by a step differs.
        let last = values.len() - 1;
        values[last] += 0.02;
        assert!(!is_right(&got, &values, n, &factors), "{what}: the control");
    }
    if keep {
        let copy = run_stored(gpu, [], tokens, &kept, tokens * stride(n), dtype);
        assert_eq!(copy, padded(&x, n, stride(n)), "{what}: the copy");
    }
}

#[test]
fn activations_become_bytes() {
    let gpu = gpu();
    for n in [1, 31, 33, 257, 576] {
        for tokens in [1, 3] {
            for dtype in [Dtype::F32, Dtype::F16] {
                for with_norm in [false, true] {
                    check(&gpu, n, tokens, dtype, with_norm);
                }
            }
        }
    }
}

/// Rounding must keep NaN; otherwise it would go unnoticed.
#[test]
fn what_is_no_number_stays_none() {
    let gpu = gpu();
    let n = 128;
    for none in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (at, dtype) in [(40, Dtype::F32), (63, Dtype::F32), (50, Dtype::F16)] {
            let mut x = stored_values(dtype, numbers(7, n as usize));
            x[at] = none;
            let kernel = QuantizeX::new(&gpu, n, None, false, dtype);
            let input = stored(&gpu, dtype, &padded(&x, n, stride(n)));
            let words = (packed_bytes(n) / 4) as u32;
            let packed = zeros(&gpu, words);
            let each = Extent::Tokens { per: 1 };
            let dispatch = kernel.dispatch(&gpu, &input, None, &packed, each).unwrap();
            let got = run::<u32>(&gpu, [dispatch], 1, &packed, words);
            let got = blocks(bytemuck::cast_slice(&got), n);
            let right = cpu::quantize_x(&x);
            for (block, (got, right)) in got.iter().zip(&right).enumerate() {
                // Control: the other blocks are numbers.
                let finite = block != at / 32;
                assert_eq!(
                    right.scale.is_finite(),
                    finite,
                    "{none}, block {block}: the twin"
                );
                let all = got.about.iter();
                assert!(
                    all.clone().all(|it| it.is_finite() == finite),
                    "{none}, block {block}: {:?}",
                    got.about
                );
            }
        }
    }
}
