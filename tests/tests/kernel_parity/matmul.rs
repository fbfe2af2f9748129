use vitrine_checkpoint::ggml::GgmlType;
use vitrine_gpu::Gpu;
use vitrine_kernels::{Epilogue, Matmul, Tiling, cpu, stride};
use vitrine_model::Storage;

use crate::support::{
    LENGTHS, Sample, XKind, assert_close, bound_x, buffer, gpu, is_uniform, lengths, matrix,
    numbers, packer, padded, run, sample, software, storages, textured_gpus, unpadded, uploaded,
    variants, vec, zeros,
};

/// Tilings of a real GPU.
const GPU: [Tiling; 6] = [
    Tiling::Vec {
        slices: 4,
        tokens: 1,
    },
    Tiling::Vec {
        slices: 1,
        tokens: 2,
    },
    Tiling::Vec {
        slices: 2,
        tokens: 8,
    },
    Tiling::Vec {
        slices: 8,
        tokens: 2,
    },
    Tiling::Tile { tokens: 64 },
    Tiling::Tile { tokens: 32 },
];

/// A step, several tokens and a prompt on a software adapter.
fn software_tilings(gpu: &Gpu) -> Vec<Tiling> {
    [
        (8, 8, 1, XKind::Uniform),
        (4, 16, 1, XKind::Uniform),
        (8, 8, 2, XKind::Uniform),
        (8, 8, 4, XKind::Texels),
    ]
    .map(|(lanes, rows, tokens, x)| software(gpu, lanes, rows, tokens, x))
    .to_vec()
}

fn check(gpu: &Gpu, tilings: &[Tiling], numbers_of_tokens: &[u32], storages: &[Storage]) {
    for &storage in storages {
        for (case, k) in lengths(storage).into_iter().enumerate() {
            let rows = [33, 1, 257, 31, 96][case];
            let sample = sample(gpu, storage, rows, k, 1);
            let Sample { name, part, values } = &sample;
            for &tokens in numbers_of_tokens {
                let x = numbers(2, (tokens * k) as usize);
                let right = cpu::matmul(values, &x, k as usize);
                let mut other = values.clone();
                other[(rows * k - 1) as usize] += 1.0;
                let wrong = cpu::matmul(&other, &x, k as usize);
                let mut x = padded(&x, k, stride(k));
                // Uniforms hold the rows of a lane.
                x.resize((tokens.next_multiple_of(2) * stride(k)) as usize, 0.0);
                let all = tilings.iter().flat_map(|tiling| variants(gpu, *tiling));
                for tiling in all.filter(|it| !is_uniform(*it) || tokens <= it.tokens()) {
                    let what = format!("{name} {rows}×{k} by {tokens} tokens, {tiling}");
                    let x = bound_x(gpu, tiling, buffer(gpu, &x));
                    // There is a row for each token, and no room for those of a whole tile.
                    let y = zeros(gpu, tokens * part.rows);
                    let matmul = Matmul::plain(part, tiling);
                    let dispatch = matmul.dispatch(gpu, part, &x, &y, None).unwrap();
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
fn matmul_for_one_token_and_for_many() {
    check(&gpu(), &GPU, &LENGTHS, &storages());
}

#[test]
fn matmul_from_textures() {
    let [sampled, storage] = textured_gpus();
    check(
        &sampled,
        &software_tilings(&sampled),
        &[1, 2, 33],
        &storages(),
    );
    // Formats of fewer than four words are in buffers here and there.
    let in_textures = |it: &Storage| it.format().quants().words == 4;
    let some: Vec<_> = storages()
        .into_iter()
        .filter(in_textures)
        .step_by(2)
        .collect();
    check(&storage, &software_tilings(&storage), &[1, 33], &some);
}

/// A sequence of a batch gets the bits that it gets alone.
#[test]
fn tokens_have_the_same_bits_alone_and_together() {
    let gpu = gpu();
    let (rows, k, tokens) = (96, 1056, 4);
    let (bytes, _) = matrix(GgmlType::Q4_1, rows, k, 1);
    let part = uploaded(&gpu, &packer(GgmlType::Q4_1.into(), &bytes, rows, k), rows);
    let x = buffer(&gpu, &numbers(2, (tokens * k) as usize));
    let product = |tiling| {
        let y = zeros(&gpu, tokens * rows);
        let matmul = Matmul::plain(&part, tiling);
        let dispatch = matmul.dispatch(&gpu, &part, &x, &y, None).unwrap();
        run::<f32>(&gpu, [dispatch], tokens, &y, tokens * rows)
    };
    for slices in [2, 4] {
        assert_eq!(product(vec(slices, 1)), product(vec(slices, 4)));
    }
    // Control: other slices are sums in another order.
    assert_ne!(product(vec(2, 1)), product(vec(4, 1)));
}

/// Scales in texels, shared by the rows of a lane or not, compared with the twin.
#[test]
fn scales_in_texels_are_those_in_storage() {
    let (rows, k) = (96, 288);
    let (bytes, values) = matrix(GgmlType::Q4_1, rows, k, 1);
    let right = cpu::matmul(&values, &numbers(2, k as usize), k as usize);
    let packer = packer(GgmlType::Q4_1.into(), &bytes, rows, k);
    // The product, and whether rows share texels.
    let product = |gpu: &Gpu, tiling: Tiling, as_in_storage: bool| {
        let part = uploaded(gpu, &packer, rows);
        if let (true, Some(scales)) = (as_in_storage, &part.scales) {
            gpu.write_store(scales, 0, bytemuck::cast_slice(&packer.scales));
        }
        let (x, y) = (buffer(gpu, &numbers(2, k as usize)), zeros(gpu, rows));
        let matmul = Matmul::plain(&part, tiling);
        let constants = matmul.source().constants;
        let shares = constants.iter().any(|(name, _)| *name == "SCALE_TEXELS");
        let dispatch = matmul.dispatch(gpu, &part, &x, &y, None).unwrap();
        (run::<f32>(gpu, [dispatch], 1, &y, rows), shares)
    };
    for (lanes, lane_rows, shared) in [
        (8, 8, true),
        (8, 4, true),
        (8, 12, true),
        (4, 16, true),
        (8, 2, false),
        (16, 8, false),
    ] {
        let mut seen = Vec::new();
        for gpu in textured_gpus() {
            let tiling = software(&gpu, lanes, lane_rows, 1, XKind::Uniform);
            let (words, shares) = product(&gpu, tiling, false);
            assert_eq!(shares, shared, "{tiling}");
            // Control: in the order of storage they are those of other rows.
            assert_ne!(
                product(&gpu, tiling, true).0,
                words,
                "{tiling}: the control"
            );
            seen.push(words);
        }
        assert_eq!(seen[0], seen[1]);
        assert_close(&seen[0], &right, &[0.0; 96], 1e-4, "scales");
    }
}

fn check_bias_and_residual(gpu: &Gpu, tilings: &[Tiling]) {
    // An epilogue does not know which weights the sums are of: floats, and three kinds of scales.
    let kinds = [GgmlType::F16, GgmlType::Q4_1, GgmlType::Q6K, GgmlType::Q8_0];
    for storage in kinds.map(Storage::from) {
        let k = lengths(storage).pop().unwrap();
        let rows = 32;
        let sample = sample(gpu, storage, rows, k, 3);
        let Sample { name, part, values } = &sample;
        for &tiling in tilings {
            let tokens = match tiling.tokens() {
                1 => 1,
                _ => 3,
            };
            let x = numbers(4, (tokens * k) as usize);
            let before = numbers(5, (4 * 96) as usize);
            let bias = numbers(6, 96);
            let product = cpu::matmul(values, &x, k as usize);
            let mut right = before.clone();
            for token in 0..tokens as usize {
                for row in 0..rows as usize {
                    let product = product[token * rows as usize + row];
                    right[token * 96 + 32 + row] += product + bias[32 + row];
                }
            }
            let mut x = padded(&x, k, stride(k));
            x.resize((4 * stride(k)) as usize, 0.0);
            let x = bound_x(gpu, tiling, buffer(gpu, &x));
            let (y, bias) = (buffer(gpu, &before), buffer(gpu, &bias));
            let matmul = Matmul {
                y_stride: 96,
                row_start: 32,
                bias: true,
                epilogue: Epilogue::Add,
                ..Matmul::plain(part, tiling)
            };
            let dispatch = matmul.dispatch(gpu, part, &x, &y, Some(&bias)).unwrap();
            let got = run::<f32>(gpu, [dispatch], tokens, &y, tokens * 96);
            let n = (tokens * 96) as usize;
            let tolerance = 2e-5 * right.iter().fold(1.0, |m: f32, v| m.max(v.abs()));
            assert_close(&got, &right[..n], &before[..n], tolerance, name);
        }
    }
}

#[test]
fn matmul_adds_bias_and_residual_and_keeps_to_its_rows() {
    let tilings = [vec(4, 1), vec(2, 4), Tiling::Tile { tokens: 64 }];
    check_bias_and_residual(&gpu(), &tilings);
    for gpu in textured_gpus() {
        let tilings = [(1, XKind::Uniform), (4, XKind::Texels)]
            .map(|(tokens, x)| software(&gpu, 8, 8, tokens, x));
        check_bias_and_residual(&gpu, &tilings);
    }
}

/// The head of a prompt is for its last token, however long the pass.
#[test]
fn matmul_of_a_uniform_computes_what_the_uniform_holds() {
    let [gpu, _] = textured_gpus();
    let storage = storages()[0];
    let Sample { part, values, .. } = sample(&gpu, storage, 64, 32, 1);
    let x = numbers(2, 3 * 32);
    let before = numbers(3, 3 * 64);
    let right = [&cpu::matmul(&values, &x[..32], 32)[..], &before[64..]].concat();
    let wrong = cpu::matmul(&values, &x, 32);
    let (x, y) = (buffer(&gpu, &x), buffer(&gpu, &before));
    let matmul = Matmul::plain(&part, software(&gpu, 8, 8, 1, XKind::Uniform));
    let dispatch = matmul.dispatch(&gpu, &part, &x, &y, None).unwrap();
    let got = run::<f32>(&gpu, [dispatch], 3, &y, 3 * 64);
    assert_close(&got, &right, &wrong, 1e-4, "3 tokens");
}
