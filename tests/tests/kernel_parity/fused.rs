//! Fused projections, compared with the CPU twins in sequence.

use vitrine_checkpoint::ggml::GgmlType;
use vitrine_checkpoint::{Activation, KvDtype};
use vitrine_gpu::{Gpu, StoreKind};
use vitrine_kernels::{
    AppendBuffers, CacheLayout, Dtype, Epilogue, InputNorm, Matmul, Operands, Results,
    RopeKvAppend, Tiling, cpu, stride,
};
use vitrine_model::Storage;

use crate::support::{
    Sample, XKind, assert_close, bound_x, buffer, gpu, numbers, padded, run_stored, sample,
    software, step, stored, textured_gpus, uncached, unpadded, unpaired, zeros,
};

const EPS: f32 = 1e-5;

/// A tiling, how many tokens there are, and the number format of activations.
type Case = (Tiling, u32, Dtype);

/// The tilings that a step of a real GPU uses, and two with halves: each takes a compilation.
const GPU: [Case; 5] = [
    (STEP, 1, Dtype::F32),
    (BATCH, 3, Dtype::F32),
    (TILE, 5, Dtype::F32),
    (STEP, 1, Dtype::F16),
    (BATCH, 3, Dtype::F16),
];
const STEP: Tiling = Tiling::Vec {
    slices: 4,
    tokens: 1,
};
const BATCH: Tiling = Tiling::Vec {
    slices: 2,
    tokens: 4,
};
const TILE: Tiling = Tiling::Tile { tokens: 64 };

/// Those of a software adapter: a step, several tokens, and a prompt.
fn software_cases(gpu: &Gpu) -> Vec<Case> {
    let tiling = |rows, tokens, x| software(gpu, 8, rows, tokens, x);
    vec![
        (tiling(8, 1, XKind::Uniform), 1, Dtype::F32),
        (software(gpu, 4, 16, 1, XKind::Uniform), 1, Dtype::F32),
        (tiling(8, 4, XKind::Texels), 5, Dtype::F32),
        (tiling(8, 4, XKind::Uniform), 3, Dtype::F16),
    ]
}

/// Weights without scales, with one per block, and with two: `matmul` is tested in every format, and an epilogue
/// does not know which it was.
fn storages_to_fuse() -> Vec<Storage> {
    [GgmlType::F16, GgmlType::Q4_1, GgmlType::Q6K, GgmlType::Q8_0]
        .map(Storage::from)
        .to_vec()
}

/// Rows of numbers, as the residual stream has them, and room for a few more.
fn inputs(gpu: &Gpu, x: &[f32], k: u32, dtype: Dtype) -> vitrine_gpu::Buffer {
    let mut x = padded(x, k, stride(k));
    x.resize(8 * stride(k) as usize, 0.0);
    stored(gpu, dtype, &x)
}

/// These values after rounding to the data type.
fn rounded(values: Vec<f32>, dtype: Dtype) -> Vec<f32> {
    match dtype {
        Dtype::F32 => values,
        Dtype::F16 => values
            .iter()
            .map(|x| half::f16::from_f32(*x).to_f32())
            .collect(),
    }
}

fn check_mlp(device: &Gpu, cases: &[Case]) {
    let (middle, act) = (64, Activation::Silu);
    for storage in storages_to_fuse() {
        let k = crate::support::lengths(storage).pop().unwrap();
        let Sample { name, part, values } = sample(device, storage, 2 * middle, k, 1);
        for &(tiling, tokens, dtype) in cases {
            let normed = tiling != TILE;
            let x = rounded(numbers(2, (tokens * k) as usize), dtype);
            let factors = numbers(3, k as usize);
            let bias = numbers(4, 2 * middle as usize);
            let twin = |factors: &[f32]| -> Vec<f32> {
                let x = match tiling == TILE {
                    true => x.clone(),
                    false => cpu::rms_norm(&x, factors, EPS),
                };
                let sums = cpu::matmul(&values, &x, k as usize);
                let token = |sums: &[f32]| {
                    let sums: Vec<f32> = sums.iter().zip(&bias).map(|(a, b)| a + b).collect();
                    let (gate, up) = sums.split_at(middle as usize);
                    cpu::mlp_act(act, gate, up)
                };
                sums.chunks_exact(2 * middle as usize)
                    .flat_map(token)
                    .collect()
            };
            let right = twin(&factors);
            let wrong = match normed {
                true => twin(&vec![1.0; k as usize]),
                // Without its norm: another neuron's.
                false => right.iter().rev().copied().collect(),
            };

            let factors = padded(&factors, k, stride(k));
            let (factors, bias) = (buffer(device, &factors), buffer(device, &bias));
            let (input, y) = (inputs(device, &x, k, dtype), zeros(device, 8 * middle));
            let kept = zeros(device, 8 * stride(k));
            // Copies are for inspected sequences; tiles have no norm.
            let keep = tokens == 1;
            let matmul = Matmul {
                y_stride: middle,
                bias: true,
                x_format: dtype.into(),
                y_dtype: dtype,
                norm: normed.then_some(InputNorm {
                    n: k,
                    eps: EPS,
                    keep,
                }),
                epilogue: Epilogue::Gate {
                    act,
                    up_offset: middle,
                },
                ..Matmul::plain(&part, tiling)
            };
            let input = bound_x(device, tiling, input);
            let operands = Operands {
                x: input.whole(),
                bias: Some(&bias),
                norm: normed.then_some((&factors, keep.then_some(&kept))),
                to: Results::Y(&y),
            };
            let dispatch = matmul.dispatch_with(device, &part, operands).unwrap();
            let got = run_stored(device, [dispatch], tokens, &y, tokens * middle, dtype);
            let what = format!("{name}, {tiling}, {dtype:?}");
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
fn norm_and_activation_are_fused() {
    check_mlp(&gpu(), &GPU);
}

/// Gate and up of a lane each share texels of scales; in a workgroup of 64 lanes they do not.
#[test]
fn an_mlp_from_textures() {
    for gpu in textured_gpus() {
        check_mlp(&gpu, &software_cases(&gpu));
    }
}

fn check_append(device: &Gpu, cases: &[Case]) {
    let (heads, kv_heads) = (3, 1);
    let heads_of = [(64, 32), (96, 48), (64, 16), (32, 0)];
    // The cache is what weights are for every other four.
    let stores = [StoreKind::Buffer, device.tier().weight_store()];
    let caches = stores
        .into_iter()
        .flat_map(|store| heads_of.map(|heads| (heads, store)));
    for (storage, ((head_dim, rope_pairs), store)) in
        storages_to_fuse().into_iter().zip(caches.cycle())
    {
        let k = crate::support::lengths(storage).pop().unwrap();
        let rows = (heads + 2 * kv_heads) * head_dim;
        let Sample { name, part, .. } = sample(device, storage, rows, k, 1);
        for &(tiling, tokens, dtype) in cases {
            let position = 5;
            let cache = CacheLayout {
                head_dim,
                rope_pairs,
                // Once with its own data type.
                dtype: match tiling == BATCH {
                    true => KvDtype::F16,
                    false => dtype.into(),
                },
                store,
            };
            let x = rounded(numbers(2, (tokens * k) as usize), dtype);
            let factors = buffer(device, &padded(&numbers(3, k as usize), k, stride(k)));
            let input = bound_x(device, tiling, inputs(device, &x, k, dtype));
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
                norm: (tiling != TILE).then_some(InputNorm {
                    n: k,
                    eps: EPS,
                    keep: false,
                }),
                ..Matmul::plain(&part, tiling)
            };
            let at_once = Matmul {
                epilogue: Epilogue::Append(append),
                ..matmul
            };
            if !at_once.has_whole_texels() {
                continue;
            }
            // Fused, and by two kernels, each of which has its own parity test.
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
                let (epilogue, results) = match at_once {
                    true => (Epilogue::Append(append), Results::Cache(to)),
                    false => (Epilogue::Store, Results::Y(&qkv)),
                };
                let operands = Operands {
                    x: input.whole(),
                    bias: None,
                    norm: (tiling != TILE).then_some((&factors, None)),
                    to: results,
                };
                let matmul = Matmul { epilogue, ..matmul };
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
            let what = format!("{name}, {tiling}, {cache:?}, {dtype:?}");
            assert_eq!(got, right, "{what}");
            assert!(got[1].iter().any(|x| *x != 0.0), "{what}: keys are there");
            let wrong = run(1, true);
            assert_eq!(wrong[0] == got[0], rope_pairs == 0, "{what}: other angles");
        }
    }
}

#[test]
fn appending_to_the_cache_is_fused() {
    check_append(&gpu(), &GPU);
}

/// Heads of whole tiles, whose pairs share texels of scales, and others.
#[test]
fn queries_keys_and_values_from_textures() {
    for gpu in textured_gpus() {
        check_append(&gpu, &software_cases(&gpu));
    }
}
