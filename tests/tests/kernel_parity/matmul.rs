use vitrine_gpu::{Gpu, StoreKind};
use vitrine_kernels::{Matmul, Shape, SliceSums, XBinding, cpu, stride};
use vitrine_model::ggml::GgmlType;

use crate::support::{
    LENGTHS, Sample, assert_close, bound_x, buffer, fitting, gpu, lengths, matrix, numbers, packer,
    padded, run, sample, storages, storages_of, textured_gpus, unpadded, uploaded, variants, zeros,
};

/// Lanes, slices, rows and tokens per lane, and how x is bound.
type Case = (u32, u32, u32, u32, XBinding);

const SHAPES: [Case; 14] = [
    (8, 1, 8, 1, XBinding::Uniform),
    (8, 1, 8, 2, XBinding::Uniform),
    (4, 1, 16, 1, XBinding::Uniform),
    (8, 1, 8, 4, XBinding::Texels(StoreKind::StorageTexture)),
    (64, 1, 1, 1, XBinding::Storage),
    (8, 1, 8, 4, XBinding::Storage),
    (64, 1, 2, 8, XBinding::Storage),
    (64, 2, 1, 1, XBinding::Uniform),
    (32, 32, 4, 1, XBinding::Uniform),
    (64, 4, 2, 4, XBinding::Storage),
    (32, 8, 2, 1, XBinding::Uniform),
    (64, 1, 4, 8, XBinding::Workgroup),
    (8, 1, 8, 4, XBinding::Workgroup),
    (32, 1, 2, 16, XBinding::Workgroup),
];

fn shape((lanes, slices, rows, cols, x): Case) -> Shape {
    Shape {
        lanes,
        rows,
        cols,
        slices,
        sums: SliceSums::Workgroup,
        x,
        shared_x: false,
    }
}

fn check(gpu: &Gpu, shapes: &[Case]) {
    for storage in storages_of(gpu) {
        for (case, k) in lengths(storage).into_iter().enumerate() {
            let rows = [33, 1, 257, 31, 96][case];
            let sample = sample(gpu, storage, rows, k, 1);
            let Sample { name, part, values } = &sample;
            for tokens in LENGTHS {
                for shape in shapes
                    .iter()
                    .map(|case| shape(*case))
                    .flat_map(|shape| variants(gpu, shape))
                {
                    let Shape { cols, x, .. } = shape;
                    // A uniform holds the rows of one lane: decoding.
                    if x == XBinding::Uniform && tokens > cols {
                        continue;
                    }
                    // A step and a prompt are enough: each form takes a compilation.
                    if shape.shared_x && cols > 1 && !matches!(x, XBinding::Texels(_)) {
                        continue;
                    }
                    let what = format!("{name} {rows}×{k} by {tokens} tokens, {shape:?}");
                    let x = numbers(2, (tokens * k) as usize);
                    let right = cpu::matmul(values, &x, k as usize);
                    let mut other = values.clone();
                    other[(rows * k - 1) as usize] += 1.0;
                    let wrong = cpu::matmul(&other, &x, k as usize);

                    let space = tokens.next_multiple_of(cols.max(8));
                    let mut x = padded(&x, k, stride(k));
                    x.resize((space * stride(k)) as usize, 0.0);
                    let x = bound_x(gpu, shape, buffer(gpu, &x));
                    let y = zeros(gpu, space * part.rows);
                    let matmul = Matmul::plain(part, shape);
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
fn matmul_and_matvec() {
    check(&gpu(), &SHAPES);
}

/// A step and a prompt, whose rows share texels of scales; in the other kind four lanes, lanes that share none,
/// and two slices that do.
#[test]
fn matmul_and_matvec_from_textures() {
    let [sampled, storage] = textured_gpus();
    check(&storage, &[SHAPES[0], SHAPES[3]]);
    let sliced = (16, 2, 8, 1, XBinding::Uniform);
    check(&sampled, &[SHAPES[2], SHAPES[3], SHAPES[4], sliced]);
}

/// Scales in texels, that the rows of a lane share or do not: to the bit what they give as words.
#[test]
fn scales_in_texels_are_those_in_storage() {
    let (rows, k) = (96, 288);
    let (bytes, _) = matrix(GgmlType::Q4_1, rows, k, 1);
    let packer = packer(GgmlType::Q4_1.into(), &bytes, rows, k);
    // The product, and whether rows share texels.
    let product = |gpu: &Gpu, case: Case, as_in_storage: bool| {
        let part = uploaded(gpu, &packer, rows);
        if let (true, Some(scales)) = (as_in_storage, &part.scales) {
            gpu.write_store(scales, 0, bytemuck::cast_slice(&packer.scales));
        }
        let (x, y) = (buffer(gpu, &numbers(2, k as usize)), zeros(gpu, rows));
        let matmul = Matmul::plain(&part, shape(case));
        let shares = matmul.source().flags.contains(&"SHARED_SCALES");
        let dispatch = matmul.dispatch(gpu, &part, &x, &y, None).unwrap();
        (run::<f32>(gpu, [dispatch], 1, &y, rows), shares)
    };
    for (lanes, slices, rows, shared) in [
        (8, 1, 8, true),
        (8, 1, 4, true),
        (8, 1, 12, true),
        (4, 1, 16, true),
        (16, 2, 8, true),
        (8, 1, 2, false),
        (16, 1, 8, false),
        (64, 1, 1, false),
    ] {
        let case = (lanes, slices, rows, 1, XBinding::Uniform);
        let (words, shares) = product(&gpu(), case, false);
        assert!(!shares, "{case:?} from storage");
        for gpu in textured_gpus() {
            assert_eq!(
                product(&gpu, case, false),
                (words.clone(), shared),
                "{case:?}"
            );
            // Control: in the order of storage they are those of other rows.
            assert_ne!(product(&gpu, case, true).0, words, "{case:?}: the control");
        }
    }
}

fn check_bias_and_residual(gpu: &Gpu) {
    for storage in storages_of(gpu) {
        let k = lengths(storage).pop().unwrap();
        let rows = 32;
        let sample = sample(gpu, storage, rows, k, 3);
        let Sample { name, part, values } = &sample;
        for (lanes, slices, cols, x_binding, tokens) in [
            (8, 1, 1, XBinding::Uniform, 1),
            (32, 1, 4, XBinding::Storage, 3),
            (8, 1, 4, XBinding::Texels(StoreKind::StorageTexture), 3),
            (32, 4, 1, XBinding::Uniform, 1),
            (32, 1, 4, XBinding::Workgroup, 3),
        ] {
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
            let shape = fitting(gpu, shape((lanes, slices, 2, cols, x_binding)));
            let x = bound_x(gpu, shape, buffer(gpu, &x));
            let (y, bias) = (buffer(gpu, &before), buffer(gpu, &bias));
            let matmul = Matmul {
                y_stride: 96,
                row_start: 32,
                accumulate: true,
                bias: true,
                ..Matmul::plain(part, shape)
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
    check_bias_and_residual(&gpu());
    for gpu in textured_gpus() {
        check_bias_and_residual(&gpu);
    }
}

/// The head of a prompt is for its last token, however long the pass.
#[test]
fn matmul_of_a_uniform_computes_what_the_uniform_holds() {
    let gpu = gpu();
    let storage = storages()[0];
    let Sample { part, values, .. } = sample(&gpu, storage, 64, 32, 1);
    let x = numbers(2, 3 * 32);
    let before = numbers(3, 3 * 64);
    let right = [&cpu::matmul(&values, &x[..32], 32)[..], &before[64..]].concat();
    let wrong = cpu::matmul(&values, &x, 32);
    let (x, y) = (buffer(&gpu, &x), buffer(&gpu, &before));
    let matmul = Matmul::plain(&part, shape((8, 1, 8, 1, XBinding::Uniform)));
    let dispatch = matmul.dispatch(&gpu, &part, &x, &y, None).unwrap();
    let got = run::<f32>(&gpu, [dispatch], 3, &y, 3 * 64);
    assert_close(&got, &right, &wrong, 1e-4, "3 tokens");
}
