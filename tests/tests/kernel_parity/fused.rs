//! Projections with what stands beside them, against the twins one after the other.

use vitrine_gpu::{Gpu, StoreKind};
use vitrine_kernels::{
    Activation, AppendBuffers, CacheLayout, Dtype, InputNorm, KvDtype, Matmul, Operands, Results,
    RopeKvAppend, Shape, SliceSums, Then, XBinding, cpu, stride,
};

use crate::support::{
    Sample, assert_close, bound_x, buffer, gpu, numbers, padded, run_stored, sample, step,
    storages_of, stored, textured_gpus, uncached, unpadded, unpaired, variants, zeros,
};

const EPS: f32 = 1e-5;

/// Lanes, slices, rows and tokens per lane, how x is bound, and how many tokens there are.
type Case = (u32, u32, u32, u32, XBinding, u32);

/// The cuts that a step uses.
const SHAPES: [Case; 9] = [
    (8, 1, 8, 1, XBinding::Uniform, 1),
    (4, 1, 16, 1, XBinding::Uniform, 1),
    (64, 1, 2, 1, XBinding::Uniform, 1),
    (8, 1, 8, 4, XBinding::Uniform, 3),
    (8, 1, 8, 4, XBinding::Storage, 5),
    (8, 1, 8, 4, XBinding::Texels(StoreKind::StorageTexture), 5),
    (64, 2, 2, 1, XBinding::Uniform, 1),
    (32, 32, 4, 1, XBinding::Uniform, 1),
    (64, 1, 4, 8, XBinding::Workgroup, 5),
];

/// With subgroups where there are such that fit.
fn shape(gpu: &Gpu, (lanes, slices, rows, cols, x, _): Case) -> Shape {
    let shape = Shape {
        lanes,
        rows,
        cols,
        slices,
        sums: SliceSums::Workgroup,
        x,
        shared_x: false,
    };
    variants(gpu, shape).pop().unwrap_or(shape)
}

/// All of them, and two with halves too: each takes a compilation.
fn cases() -> Vec<(Case, Dtype)> {
    let whole = SHAPES.into_iter().map(|case| (case, Dtype::F32));
    whole
        .chain([SHAPES[0], SHAPES[6]].map(|case| (case, Dtype::F16)))
        .collect()
}

/// Rows of numbers, as the residual stream has them, and room for a few more.
fn inputs(gpu: &Gpu, x: &[f32], k: u32, dtype: Dtype) -> vitrine_gpu::Buffer {
    let mut x = padded(x, k, stride(k));
    x.resize(8 * stride(k) as usize, 0.0);
    stored(gpu, dtype, &x)
}

/// What the number format makes of these.
fn rounded(values: Vec<f32>, dtype: Dtype) -> Vec<f32> {
    match dtype {
        Dtype::F32 => values,
        Dtype::F16 => values
            .iter()
            .map(|x| half::f16::from_f32(*x).to_f32())
            .collect(),
    }
}

fn check_mlp(device: &Gpu, cases: &[(Case, Dtype)]) {
    let (middle, act) = (64, Activation::Silu);
    for storage in storages_of(device) {
        let k = crate::support::lengths(storage).pop().unwrap();
        let Sample { name, part, values } = sample(device, storage, 2 * middle, k, 1);
        for &(case, dtype) in cases {
            let tokens = case.5;
            let x = rounded(numbers(2, (tokens * k) as usize), dtype);
            let factors = numbers(3, k as usize);
            let bias = numbers(4, 2 * middle as usize);
            let twin = |factors: &[f32]| -> Vec<f32> {
                let sums = cpu::matmul(&values, &cpu::rms_norm(&x, factors, EPS), k as usize);
                let token = |sums: &[f32]| {
                    let sums: Vec<f32> = sums.iter().zip(&bias).map(|(a, b)| a + b).collect();
                    let (gate, up) = sums.split_at(middle as usize);
                    cpu::mlp_act(act, gate, up)
                };
                sums.chunks_exact(2 * middle as usize)
                    .flat_map(token)
                    .collect()
            };
            let (right, wrong) = (twin(&factors), twin(&vec![1.0; k as usize]));

            let factors = padded(&factors, k, stride(k));
            let (factors, bias) = (buffer(device, &factors), buffer(device, &bias));
            let (input, y) = (inputs(device, &x, k, dtype), zeros(device, 8 * middle));
            let kept = zeros(device, 8 * stride(k));
            // A copy is for those who watch one sequence.
            let keep = case.4 == XBinding::Uniform;
            let matmul = Matmul {
                y_stride: middle,
                bias: true,
                x_format: dtype.into(),
                y_dtype: dtype,
                norm: Some(InputNorm {
                    n: k,
                    eps: EPS,
                    keep,
                }),
                then: Then::Act {
                    act,
                    up_offset: middle,
                },
                ..Matmul::plain(&part, shape(device, case))
            };
            let input = bound_x(device, matmul.shape, input);
            let operands = Operands {
                x: input.whole(),
                bias: Some(&bias),
                norm: Some((&factors, keep.then_some(&kept))),
                to: Results::Y(&y),
            };
            let dispatch = matmul.dispatch_with(device, &part, operands).unwrap();
            let got = run_stored(device, [dispatch], tokens, &y, tokens * middle, dtype);
            let what = format!("{name}, {case:?}, {dtype:?}");
            let most = right.iter().fold(1.0, |m: f32, v| m.max(v.abs()));
            let tolerance = most * if dtype == Dtype::F32 { 5e-5 } else { 2e-3 };
            assert_close(&got, &right, &wrong, tolerance, &what);
            if keep {
                let got = run_stored(device, [], tokens, &kept, tokens * stride(k), dtype);
                assert_eq!(unpadded(&got, k, stride(k)), x, "{what}: the copy");
            }
        }
    }
}

#[test]
fn an_mlp_is_normalised_and_activated_on_the_way() {
    check_mlp(&gpu(), &cases());
}

/// Gate and up of a lane share texels of scales, each by itself; of a workgroup of 64 lanes they do not.
#[test]
fn an_mlp_from_textures() {
    let [sampled, storage] = textured_gpus();
    check_mlp(
        &storage,
        &[SHAPES[0], SHAPES[5]].map(|case| (case, Dtype::F32)),
    );
    check_mlp(
        &sampled,
        &[SHAPES[1], SHAPES[6]].map(|case| (case, Dtype::F32)),
    );
}

fn check_append(device: &Gpu, cases: &[(Case, Dtype)]) {
    let (heads, kv_heads) = (3, 1);
    let heads_of = [(64, 32), (96, 48), (64, 16), (32, 0)];
    // The cache is what weights are for every other four.
    let stores = [StoreKind::Buffer, device.weights_in()];
    let caches = stores
        .into_iter()
        .flat_map(|store| heads_of.map(|heads| (heads, store)));
    for (storage, ((head_dim, rope_pairs), store)) in
        storages_of(device).into_iter().zip(caches.cycle())
    {
        let k = crate::support::lengths(storage).pop().unwrap();
        let rows = (heads + 2 * kv_heads) * head_dim;
        let Sample { name, part, .. } = sample(device, storage, rows, k, 1);
        for &(case, dtype) in cases {
            let (tokens, position) = (case.5, 5);
            let cache = CacheLayout {
                head_dim,
                rope_pairs,
                // Once in numbers of its own.
                dtype: match case == SHAPES[6] {
                    true => KvDtype::F16,
                    false => dtype.into(),
                },
                store,
            };
            let x = rounded(numbers(2, (tokens * k) as usize), dtype);
            let factors = buffer(device, &padded(&numbers(3, k as usize), k, stride(k)));
            let shape = shape(device, case);
            let input = bound_x(device, shape, inputs(device, &x, k, dtype));
            let angles = |shift: u32| -> Vec<[f32; 2]> {
                (0..16 * rope_pairs)
                    .map(|at| {
                        ((at / rope_pairs + shift) as f32) * 0.9f32.powi((at % rope_pairs) as i32)
                    })
                    .map(|angle| [angle.cos(), angle.sin()])
                    .collect()
            };
            let step = step(device, position, tokens);
            let append = RopeKvAppend {
                heads,
                kv_heads,
                qkv_stride: rows,
                k_offset: heads * head_dim,
                v_offset: (heads + kv_heads) * head_dim,
                cache,
                dtype,
                keep: true,
            };
            let matmul = Matmul {
                x_format: dtype.into(),
                y_dtype: dtype,
                norm: Some(InputNorm {
                    n: k,
                    eps: EPS,
                    keep: false,
                }),
                ..Matmul::plain(&part, shape)
            };
            let at_once = Matmul {
                then: Then::Append(append),
                ..matmul
            };
            if !at_once.has_whole_texels() {
                continue;
            }
            // At once, and by two kernels, each of which has a parity test of its own.
            let run = |shift: u32, at_once: bool| -> [Vec<f32>; 4] {
                let rope = (rope_pairs > 0).then(|| buffer(device, &angles(shift)));
                let [query, qkv] = [heads * head_dim, rows].map(|n| zeros(device, 8 * n));
                let [keys, values] =
                    [(); 2].map(|()| crate::support::cache(device, cache, 64, kv_heads));
                let kept = zeros(device, 8 * 2 * kv_heads * head_dim);
                let to = AppendBuffers {
                    rope: rope.as_ref(),
                    query: &query,
                    caches: [&keys, &values],
                    step: &step,
                    kept: Some(&kept),
                };
                let (then, results) = match at_once {
                    true => (Then::Append(append), Results::Cache(to)),
                    false => (Then::Store, Results::Y(&qkv)),
                };
                let operands = Operands {
                    x: input.whole(),
                    bias: None,
                    norm: Some((&factors, None)),
                    to: results,
                };
                let matmul = Matmul { then, ..matmul };
                let mut dispatches = vec![matmul.dispatch_with(device, &part, operands).unwrap()];
                if !at_once {
                    dispatches.push(append.dispatch(device, &qkv, to).unwrap());
                }
                crate::support::run::<f32>(device, dispatches, tokens, &query, 1);
                let width = kv_heads * head_dim;
                let pairs = |pairs, n| unpaired(device, cache, dtype, pairs, n);
                [
                    pairs(&query, tokens * heads * head_dim),
                    uncached(device, cache, kv_heads, &keys, 16 * width),
                    uncached(device, cache, kv_heads, &values, 16 * width),
                    pairs(&kept, tokens * 2 * width),
                ]
            };
            let (got, right) = (run(0, true), run(0, false));
            let what = format!("{name}, {case:?}, {cache:?}, {dtype:?}");
            assert_eq!(got, right, "{what}");
            assert!(got[1].iter().any(|x| *x != 0.0), "{what}: keys are there");
            let wrong = run(1, true);
            assert_eq!(wrong[0] == got[0], rope_pairs == 0, "{what}: other angles");
        }
    }
}

#[test]
fn queries_keys_and_values_go_to_the_cache_on_the_way() {
    check_append(&gpu(), &cases());
}

/// Heads of whole tiles, whose pairs share texels of scales, and others.
#[test]
fn queries_keys_and_values_from_textures() {
    let [sampled, storage] = textured_gpus();
    check_append(
        &storage,
        &[SHAPES[0], SHAPES[5]].map(|case| (case, Dtype::F32)),
    );
    check_append(&sampled, &[(SHAPES[1], Dtype::F32)]);
}
