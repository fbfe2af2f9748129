//! Projections by integer products, against the twin on activations as their bytes have them.

use vitrine_checkpoint::{Activation, KvDtype, Quantize};
use vitrine_gpu::{Buffer, Gpu, StoreKind};
use vitrine_kernels::{
    AppendBuffers, CacheLayout, Dtype, Epilogue, Matmul, Operands, Results, RopeKvAppend, Tiling,
    XFormat, cpu, packed_bytes,
};
use vitrine_model::Storage;

use crate::support::{
    Sample, XKind, assert_close, bound_x, buffer, gpu, is_uniform, lengths, numbers, run,
    run_stored, sample, software, step, storages, stored, textured_gpus, uncached, unpadded,
    unpaired, variants, vec, zeros,
};

/// What can be multiplied by bytes.
fn quantised() -> impl Iterator<Item = Storage> {
    storages()
        .into_iter()
        .filter(|storage| storage.format().has_bytes())
}

/// x (tokens, k) as `quantize_x` writes it, padded to more tokens, and its dequantised values.
fn packed(gpu: &Gpu, x: &[f32], k: u32, space: u32) -> (Buffer, Vec<f32>) {
    let row_words = packed_bytes(k) as usize / 4;
    let (mut words, mut values) = (Vec::<u32>::new(), Vec::new());
    for (token, x) in (1..).zip(x.chunks_exact(k as usize)) {
        let mut meant = Vec::new();
        for block in cpu::quantize_x(x) {
            let sum = |numbers: &[i8]| -> f32 {
                block.scale * numbers.iter().map(|q| f32::from(*q)).sum::<f32>()
            };
            let (low, high) = block.numbers.split_at(16);
            words.extend(bytemuck::cast_slice::<i8, u32>(&block.numbers));
            let about = [block.scale, sum(low), sum(high), sum(&block.numbers)];
            words.extend(about.map(f32::to_bits));
            meant.extend(block.values());
        }
        words.resize(token * row_words, 0);
        values.extend(&meant[..k as usize]);
    }
    words.resize(space as usize * row_words, 0);
    (buffer(gpu, &words), values)
}

fn check(gpu: &Gpu, tilings: &[Tiling]) {
    for storage in quantised() {
        for (case, k) in lengths(storage).into_iter().enumerate() {
            let rows = [33, 1, 257, 31, 96][case];
            let Sample { name, part, values } = sample(gpu, storage, rows, k, 1);
            for tokens in [1u32, 3, 9] {
                let space = tokens.next_multiple_of(4);
                let (x, meant) = packed(gpu, &numbers(2, (tokens * k) as usize), k, space);
                let right = cpu::matmul(&values, &meant, k as usize);
                let mut other = values.clone();
                other[(rows * k - 1) as usize] += 1.0;
                let wrong = cpu::matmul(&other, &meant, k as usize);
                let all = tilings.iter().flat_map(|tiling| variants(gpu, *tiling));
                for tiling in all.filter(|it| !is_uniform(*it) || tokens <= it.tokens()) {
                    let what = format!("{name} {rows}×{k} by {tokens} tokens, {tiling}");
                    let y = zeros(gpu, tokens * part.rows);
                    let matmul = Matmul {
                        x_format: XFormat::Packed,
                        ..Matmul::plain(&part, tiling)
                    };
                    let x = bound_x(gpu, tiling, x.clone());
                    let dispatch = matmul.dispatch(gpu, &part, &x, &y, None).unwrap();
                    let got = run::<f32>(gpu, [dispatch], tokens, &y, tokens * part.rows);
                    let got = unpadded(&got, rows, part.rows);
                    let tolerance = 2e-5 * right.iter().fold(1.0, |m: f32, v| m.max(v.abs()));
                    assert_close(&got, &right, &wrong, tolerance, &what);
                }
            }
        }
    }
}

#[test]
fn matmul_of_bytes() {
    let tile = Tiling::Tile { tokens: 64 };
    check(&gpu(), &[vec(4, 1), vec(2, 4), vec(8, 1), tile]);
}

#[test]
fn matmul_of_bytes_from_textures() {
    for gpu in textured_gpus() {
        let tilings = [(8, 8, 1, XKind::Uniform), (4, 16, 4, XKind::Texels)]
            .map(|(lanes, rows, tokens, x)| software(&gpu, lanes, rows, tokens, x));
        check(&gpu, &tilings);
    }
}

/// Gate times up, with a bias, in either number format.
#[test]
fn the_activation_is_fused() {
    let gpu = gpu();
    let (middle, act, tokens) = (64, Activation::Silu, 1);
    for storage in [Quantize::Q4, Quantize::Q8].map(in_memory) {
        let k = 257;
        let Sample { name, part, values } = sample(&gpu, storage, 2 * middle, k, 1);
        for dtype in [Dtype::F32, Dtype::F16] {
            let (x, meant) = packed(&gpu, &numbers(2, k as usize), k, 8);
            let bias = numbers(4, 2 * middle as usize);
            let twin = |bias: &[f32]| {
                let sums = cpu::matmul(&values, &meant, k as usize);
                let sums: Vec<f32> = sums.iter().zip(bias).map(|(a, b)| a + b).collect();
                let (gate, up) = sums.split_at(middle as usize);
                cpu::mlp_act(act, gate, up)
            };
            let (right, wrong) = (twin(&bias), twin(&numbers(5, 2 * middle as usize)));
            let (bias, y) = (buffer(&gpu, &bias), zeros(&gpu, 8 * middle));
            let matmul = Matmul {
                y_stride: middle,
                bias: true,
                x_format: XFormat::Packed,
                y_dtype: dtype,
                epilogue: Epilogue::Gate {
                    act,
                    up_offset: middle,
                },
                ..Matmul::plain(&part, vec(4, 1))
            };
            let dispatch = matmul.dispatch(&gpu, &part, &x, &y, Some(&bias)).unwrap();
            let got = run_stored(&gpu, [dispatch], tokens, &y, middle, dtype);
            let most = right.iter().fold(1.0, |m: f32, v| m.max(v.abs()));
            let tolerance = most * if dtype == Dtype::F32 { 5e-5 } else { 2e-3 };
            assert_close(
                &got,
                &right,
                &wrong,
                tolerance,
                &format!("{name} {dtype:?}"),
            );
        }
    }
}

/// At once, and by two kernels.
#[test]
fn appending_to_the_cache_is_fused() {
    let gpu = gpu();
    let (heads, kv_heads, k, position) = (3, 1, 257, 5);
    let cache = CacheLayout {
        head_dim: 64,
        rope_pairs: 32,
        dtype: KvDtype::F32,
        store: StoreKind::Buffer,
    };
    let rows = (heads + 2 * kv_heads) * cache.head_dim;
    let Sample { part, .. } = sample(&gpu, in_memory(Quantize::Q4), rows, k, 1);
    for dtype in [Dtype::F32, Dtype::F16] {
        let cache = CacheLayout {
            dtype: dtype.into(),
            ..cache
        };
        let append = RopeKvAppend {
            heads,
            kv_heads,
            qkv_stride: rows,
            k_offset: heads * cache.head_dim,
            v_offset: (heads + kv_heads) * cache.head_dim,
            cache,
            dtype,
            keep: false,
        };
        let angles: Vec<f32> = numbers(6, 16 * 64);
        let rope = buffer(&gpu, &angles);
        let step = step(&gpu, position, 1);
        let run_with = |seed: u64, at_once: bool| -> [Vec<f32>; 3] {
            let (x, _) = packed(&gpu, &numbers(seed, k as usize), k, 8);
            let [query, qkv] =
                [heads * cache.head_dim, rows].map(|n| stored(&gpu, dtype, &vec![0.0; n as usize]));
            let [keys, values] = [(); 2].map(|()| crate::support::cache(&gpu, cache, 64, kv_heads));
            let to = AppendBuffers {
                rope: Some(&rope),
                query: &query,
                caches: [&keys, &values],
                step: &step,
                kept: None,
            };
            let (epilogue, results) = match at_once {
                true => (Epilogue::Append(append), Results::Cache(to)),
                false => (Epilogue::Store, Results::Y(&qkv)),
            };
            let matmul = Matmul {
                x_format: XFormat::Packed,
                y_dtype: dtype,
                epilogue,
                ..Matmul::plain(&part, vec(4, 1))
            };
            let operands = Operands {
                x: x.whole(),
                bias: None,
                norm: None,
                to: results,
            };
            let mut dispatches = vec![matmul.dispatch_with(&gpu, &part, operands).unwrap()];
            if !at_once {
                dispatches.push(append.dispatch(&gpu, &qkv, to).unwrap());
            }
            run::<u32>(&gpu, dispatches, 1, &query, 1);
            let n = 16 * kv_heads * cache.head_dim;
            [
                unpaired(&gpu, cache, dtype, &query, heads * cache.head_dim),
                uncached(&gpu, cache, kv_heads, &keys, n),
                uncached(&gpu, cache, kv_heads, &values, n),
            ]
        };
        let [right, other] = [2, 3].map(|seed| run_with(seed, false));
        let got = run_with(2, true);
        for ((got, right), other) in got.iter().zip(&right).zip(&other) {
            assert_close(got, right, other, 1e-3, &format!("{dtype:?}"));
        }
    }
}

/// A float matrix that is quantised while it is loaded.
fn in_memory(quantize: Quantize) -> Storage {
    Storage::new(vitrine_checkpoint::ggml::GgmlType::F32, Some(quantize))
}
