use vitrine_kernels::{Matmul, Shape, cpu, stride};

use crate::support::{
    LENGTHS, assert_close, buffer, formats, gpu, matrix, numbers, packed, padded, run, unpadded,
    zeros,
};

#[test]
fn matmul_and_matvec() {
    let gpu = gpu();
    for (kind, lengths) in formats() {
        for (case, k) in lengths.into_iter().enumerate() {
            let rows = [33, 1, 257, 31, 96][case];
            let (bytes, w) = matrix(kind, rows, k, 1);
            let part = packed(&gpu, kind, &bytes, rows, k);
            for tokens in LENGTHS {
                for (lanes, per_lane, cols, uniform_x) in [
                    (8, 8, 1, true),
                    (64, 1, 1, false),
                    (8, 8, 4, false),
                    (64, 2, 8, false),
                ] {
                    // A uniform holds one row of x: decoding.
                    if uniform_x && tokens > 1 {
                        continue;
                    }
                    let shape = Shape {
                        lanes,
                        rows: per_lane,
                        cols,
                        uniform_x,
                    };
                    let what = format!("{} {rows}×{k} by {tokens} tokens, {shape:?}", kind.name());
                    let x = numbers(2, (tokens * k) as usize);
                    let right = cpu::matmul(&w, &x, k as usize);
                    let mut other = w.clone();
                    other[(rows * k - 1) as usize] += 1.0;
                    let wrong = cpu::matmul(&other, &x, k as usize);

                    let space = tokens.next_multiple_of(cols);
                    let mut x = padded(&x, k, stride(k));
                    x.resize((space * stride(k)) as usize, 0.0);
                    let (x, y) = (buffer(&gpu, &x), zeros(&gpu, space * part.rows));
                    let matmul = Matmul {
                        format: part.format,
                        rows: part.rows,
                        k,
                        x_stride: stride(k),
                        y_stride: part.rows,
                        row_start: 0,
                        accumulate: false,
                        bias: false,
                        shape,
                    };
                    let dispatch = matmul.dispatch(&gpu, &part, &x, &y, None).unwrap();
                    let got = run::<f32>(&gpu, [dispatch], tokens, &y, tokens * part.rows);
                    let got = unpadded(&got, rows, part.rows);
                    let tolerance = 2e-5 * right.iter().fold(1.0, |m: f32, v| m.max(v.abs()));
                    assert_close(&got, &right, &wrong, tolerance, &what);
                }
            }
        }
    }
}

#[test]
fn matmul_adds_bias_and_residual_and_keeps_to_its_rows() {
    let gpu = gpu();
    let kind = vitrine_model::ggml::GgmlType::Q4_1;
    let (rows, k, tokens) = (32, 64, 3);
    let (bytes, w) = matrix(kind, rows, k, 3);
    let part = packed(&gpu, kind, &bytes, rows, k);
    let x = numbers(4, (tokens * k) as usize);
    let before = numbers(5, (4 * 96) as usize);
    let bias = numbers(6, 96);
    let product = cpu::matmul(&w, &x, k as usize);
    let mut right = before.clone();
    for token in 0..tokens as usize {
        for row in 0..rows as usize {
            right[token * 96 + 32 + row] += product[token * rows as usize + row] + bias[32 + row];
        }
    }
    let mut x = x;
    x.resize((4 * k) as usize, 0.0);
    let (x, y, bias) = (buffer(&gpu, &x), buffer(&gpu, &before), buffer(&gpu, &bias));
    let matmul = Matmul {
        format: part.format,
        rows,
        k,
        x_stride: k,
        y_stride: 96,
        row_start: 32,
        accumulate: true,
        bias: true,
        shape: Shape {
            lanes: 32,
            rows: 2,
            cols: 4,
            uniform_x: false,
        },
    };
    let dispatch = matmul.dispatch(&gpu, &part, &x, &y, Some(&bias)).unwrap();
    let got = run::<f32>(&gpu, [dispatch], tokens, &y, tokens * 96);
    assert_close(
        &got,
        &right[..(tokens * 96) as usize],
        &before[..(tokens * 96) as usize],
        1e-4,
        "",
    );
}
