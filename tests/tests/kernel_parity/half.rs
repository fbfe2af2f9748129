//! The kernels on activations in half precision, against the same twins: what they read is rounded
//! first, so that only what they write differs.

use vitrine_checkpoint::Activation;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_kernels::{
    Dtype, Embed, Epilogue, LayerNorm, Matmul, MlpAct, QkNorm, RmsNorm, Table, Tiling, cpu, stride,
};

use crate::support::{
    XKind, assert_close, bound_x, buffer, device, gpu, matrix, numbers, packed, padded, run_stored,
    software, step, stored, unpadded, vec, zeros,
};

const HALF: Dtype = Dtype::F16;

/// Random numbers that halves hold exactly.
fn halves(seed: u64, n: u32) -> Vec<f32> {
    let numbers = numbers(seed, n as usize).into_iter();
    numbers.map(|x| half::f16::from_f32(x).to_f32()).collect()
}

#[test]
fn norms_in_half_precision() {
    let gpu = gpu();
    for (n, tokens) in [(33, 5), (257, 2), (64, 31)] {
        let (x, before) = (halves(1, n * tokens), halves(4, n * tokens));
        let (weight, bias) = (numbers(2, n as usize), numbers(3, n as usize));
        let row = stride(n);
        let x_buffer = stored(&gpu, HALF, &padded(&x, n, row));
        let (weight_buffer, bias_buffer) = (buffer(&gpu, &weight), buffer(&gpu, &bias));
        let step = step(&gpu, 0, tokens);
        let (eps, dtype, last_row) = (1e-5, HALF, false);
        let read = |dispatch, y| {
            let got = run_stored(&gpu, [dispatch], tokens, y, tokens * row, HALF);
            unpadded(&got, n, row)
        };

        let normed = cpu::rms_norm(&x, &weight, eps);
        let right: Vec<f32> = normed.iter().zip(&before).map(|(a, b)| a + b).collect();
        let y = stored(&gpu, HALF, &padded(&before, n, row));
        let norm = RmsNorm {
            n,
            eps,
            last_row,
            add: true,
            dtype,
            keep: false,
        };
        let dispatch = norm.dispatch(&gpu, &x_buffer, &weight_buffer, &y, &step, None);
        let got = read(dispatch.unwrap(), &y);
        assert_close(&got, &right, &normed, 3e-3, "rms_norm");

        let right = cpu::layer_norm(&x, &weight, &bias, eps);
        let wrong = cpu::layer_norm(&x, &weight, &weight, eps);
        let y = zeros(&gpu, tokens * row);
        let norm = LayerNorm {
            n,
            eps,
            last_row,
            dtype,
            keep: true,
        };
        let kept = zeros(&gpu, tokens * row);
        let factors = [&weight_buffer, &bias_buffer];
        let dispatch = norm.dispatch(&gpu, &x_buffer, factors, &y, &step, Some(&kept));
        let got = read(dispatch.unwrap(), &y);
        let copy = run_stored(&gpu, [], 0, &kept, tokens * row, HALF);
        assert_eq!(unpadded(&copy, n, row), x);
        assert_close(&got, &right, &wrong, 3e-3, "layer_norm");
    }
}

#[test]
fn qk_norm_in_half_precision() {
    let gpu = gpu();
    let (heads, kv_heads, head_dim, tokens) = (3, 1, 20, 5);
    let (k_offset, qkv_stride) = (heads * head_dim, stride((heads + kv_heads) * head_dim));
    let qkv = halves(1, tokens * qkv_stride);
    let weights = [2, 3].map(|seed| numbers(seed, head_dim as usize));
    let twin = |weights: &[Vec<f32>; 2]| {
        let mut all = qkv.clone();
        for row in all.chunks_exact_mut(qkv_stride as usize) {
            for head in 0..heads + kv_heads {
                let part = (head * head_dim) as usize..((head + 1) * head_dim) as usize;
                let weight = &weights[usize::from(head >= heads)];
                let normed = cpu::rms_norm(&row[part.clone()], weight, 1e-6);
                row[part].copy_from_slice(&normed);
            }
        }
        all
    };
    let (right, mut other) = (twin(&weights), weights.clone());
    other.swap(0, 1);
    let wrong = twin(&other);
    let kernel = QkNorm {
        heads,
        kv_heads,
        head_dim,
        qkv_stride,
        k_offset,
        eps: 1e-6,
        dtype: HALF,
    };
    let buffer_of_qkv = stored(&gpu, HALF, &qkv);
    let [q, k] = weights.map(|weight| buffer(&gpu, &weight));
    let dispatch = kernel.dispatch(&gpu, &buffer_of_qkv, [&q, &k]).unwrap();
    let n = tokens * qkv_stride;
    let got = run_stored(&gpu, [dispatch], tokens, &buffer_of_qkv, n, HALF);
    assert_close(&got, &right, &wrong, 3e-3, "qk_norm");
}

#[test]
fn mlp_act_in_half_precision() {
    let gpu = gpu();
    for act in Activation::ALL {
        let (n, tokens) = (33, 3);
        let row = stride(n);
        let gate_up = halves(1, tokens * 2 * row);
        let part = |from: u32| -> Vec<f32> {
            let rows = gate_up.chunks_exact(2 * row as usize);
            rows.flat_map(|both| both[from as usize..(from + n) as usize].to_vec())
                .collect()
        };
        let right = cpu::mlp_act(act, &part(0), &part(row));
        let wrong = cpu::mlp_act(act, &part(row), &part(0));
        let kernel = MlpAct {
            act,
            n,
            x_stride: 2 * row,
            up_offset: Some(row),
            y_stride: row,
            dtype: HALF,
        };
        let (x, y) = (stored(&gpu, HALF, &gate_up), zeros(&gpu, tokens * row));
        let dispatch = kernel.dispatch(&gpu, &x, &y).unwrap();
        let got = run_stored(&gpu, [dispatch], tokens, &y, tokens * row, HALF);
        assert_close(
            &unpadded(&got, n, row),
            &right,
            &wrong,
            1e-3,
            &format!("{act:?}"),
        );
    }
}

#[test]
fn embed_in_half_precision() {
    let gpu = gpu();
    let (hidden, tokens) = (64, 3);
    let (bytes, table) = matrix(GgmlType::Q8_0, 32, hidden, 9);
    let part = packed(&gpu, GgmlType::Q8_0, &bytes, 32, hidden);
    let ids = [5, 31, 0];
    let rows = cpu::embed(&table, hidden as usize, &ids);
    let positions = cpu::embed(&table, hidden as usize, &[7, 8, 9]);
    let right: Vec<f32> = rows
        .iter()
        .zip(&positions)
        .map(|(a, b)| a * 3.0 + b)
        .collect();
    // They are at the positions 7, 8 and 9.
    let history: Vec<u32> = [0; 7].into_iter().chain(ids).collect();
    let (history, step, x) = (
        buffer(&gpu, &history),
        step(&gpu, 7, tokens),
        zeros(&gpu, tokens * hidden),
    );
    let scaled = Table::Tokens { scale: 3.0 };
    let dispatches = [scaled, Table::Positions].map(|table| {
        Embed::dispatch(&gpu, &part, table, [&step, &history], &x, hidden, HALF).unwrap()
    });
    let got = run_stored(&gpu, dispatches, tokens, &x, tokens * hidden, HALF);
    assert_close(&got, &right, &rows, 0.05, "embed");
}

/// From halves to halves with bias and residual, and from halves to floats as for logits.
#[test]
fn matmul_in_half_precision() {
    let kind = GgmlType::Q4_1;
    let (rows, k) = (96, 96);
    let (bytes, w) = matrix(kind, rows, k, 3);
    let bias = numbers(6, rows as usize);
    for (tiling, tokens, y_dtype) in [
        (vec(4, 1), 1u32, HALF),
        (vec(4, 1), 1, Dtype::F32),
        (vec(2, 4), 3, HALF),
        (Tiling::Tile { tokens: 64 }, 9, HALF),
        (Tiling::Tile { tokens: 32 }, 33, Dtype::F32),
        (software(&device(), 8, 8, 1, XKind::Uniform), 1, HALF),
        (software(&device(), 8, 8, 4, XKind::Uniform), 3, HALF),
        (software(&device(), 8, 8, 4, XKind::Texels), 9, HALF),
    ] {
        let gpu = match tiling {
            Tiling::Software(_) => device(),
            _ => gpu(),
        };
        let part = packed(&gpu, kind, &bytes, rows, k);
        let space = tokens.next_multiple_of(8);
        let x = halves(4, space * k);
        let before = halves(5, space * rows);
        let product = cpu::matmul(&w, &x, k as usize);
        let terms = product.iter().zip(before.iter().zip(bias.iter().cycle()));
        let right: Vec<f32> = terms.map(|(a, (b, c))| a + b + c).collect();
        let matmul = Matmul {
            bias: true,
            x_format: HALF.into(),
            y_dtype,
            epilogue: Epilogue::Add,
            ..Matmul::plain(&part, tiling)
        };
        let x = bound_x(&gpu, tiling, stored(&gpu, HALF, &x));
        let y = stored(&gpu, y_dtype, &before);
        let bias = buffer(&gpu, &bias);
        let dispatch = matmul.dispatch(&gpu, &part, &x, &y, Some(&bias)).unwrap();
        let n = tokens * rows;
        let got = run_stored(&gpu, [dispatch], tokens, &y, n, y_dtype);
        let largest = right.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        let tolerance = largest * if y_dtype == HALF { 1e-3 } else { 1e-5 };
        let what = format!("{tiling} to {y_dtype:?}");
        let n = n as usize;
        assert_close(&got, &right[..n], &before[..n], tolerance, &what);
    }
}
