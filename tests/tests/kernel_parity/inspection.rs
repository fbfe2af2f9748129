//! The kernels that summarise activations for inspection.

use vitrine_kernels::{
    Dtype, LOGIT_BIN, LogitStats, LogitStatsOf, RowNorms, Strongest, cpu, stride,
};

use crate::support::{assert_close, buffer, gpu, numbers, padded, run, stored, zeros};

#[test]
fn row_norms() {
    let gpu = gpu();
    for (n, rows, lanes, dtype, tolerance) in [
        (2, 1, 64, Dtype::F32, 1e-5),
        (64, 61, 8, Dtype::F32, 1e-5),
        (576, 7, 64, Dtype::F32, 1e-4),
        (576, 7, 8, Dtype::F32, 1e-4),
        (96, 5, 8, Dtype::F16, 1e-2),
    ] {
        let x = numbers(1, (n * rows) as usize);
        let right = cpu::row_norms(&x, n as usize).concat();
        let wrong: Vec<f32> = right.iter().map(|norm| norm * 1.1 + 0.1).collect();
        // Blocks of one row, with something behind each.
        let block_stride = n + 32;
        let x_buffer = stored(&gpu, dtype, &padded(&x, n, block_stride));
        let kernel = RowNorms {
            n,
            per_block: 1,
            block_stride,
            rows,
            lanes,
            differences: true,
            dtype,
        };
        let norms = zeros(&gpu, 2 * rows);
        let dispatch = kernel.dispatch(&gpu, &x_buffer, &norms).unwrap();
        let got = run::<f32>(&gpu, [dispatch], 0, &norms, 2 * rows);
        assert_close(&got, &right, &wrong, tolerance, &format!("{rows} × {n}"));
    }
}

#[test]
fn row_norms_in_blocks() {
    let gpu = gpu();
    let (n, rows) = (32, 6);
    let x = numbers(2, (n * rows) as usize);
    let right: Vec<f32> = cpu::row_norms(&x, n as usize)
        .into_iter()
        .flat_map(|[norm, _]| [norm, 0.0])
        .collect();
    let wrong: Vec<f32> = right.iter().rev().copied().collect();
    let kernel = RowNorms {
        n,
        per_block: 3,
        block_stride: 128,
        rows,
        lanes: 64,
        differences: false,
        dtype: Dtype::F32,
    };
    let x = buffer(&gpu, &padded(&x, 3 * n, 128));
    let norms = zeros(&gpu, 2 * rows);
    let dispatch = kernel.dispatch(&gpu, &x, &norms).unwrap();
    let got = run::<f32>(&gpu, [dispatch], 0, &norms, 2 * rows);
    assert_close(&got, &right, &wrong, 1e-5, "blocks");
}

#[test]
fn strongest() {
    let gpu = gpu();
    let k = 8;
    for (n, rows, lanes) in [
        (5, 2, 64),
        (5, 2, 8),
        (200, 3, 64),
        (200, 3, 8),
        (1537, 2, 8),
    ] {
        let mut x = numbers(3, (n * rows) as usize);
        // Equal sizes come in order.
        x[1] = 2.0;
        x[4] = -2.0;
        // More than fit.
        x[n as usize..2 * n as usize].fill(-0.5);
        let kernel = Strongest {
            n,
            row_stride: stride(n),
            rows,
            k,
            lanes,
            dtype: Dtype::F32,
        };
        let x_buffer = buffer(&gpu, &padded(&x, n, stride(n)));
        let out = zeros(&gpu, rows * k * 2);
        let dispatch = kernel.dispatch(&gpu, &x_buffer, &out).unwrap();
        let got = run::<[u32; 2]>(&gpu, [dispatch], 0, &out, rows * k);
        let found = |rows: &[[u32; 2]]| -> Vec<Vec<(f32, u32)>> {
            rows.chunks_exact(k as usize)
                .map(|row| {
                    let there = row.iter().filter(|[_, id]| *id != Strongest::NONE);
                    there
                        .map(|[bits, id]| (f32::from_bits(*bits), *id))
                        .collect()
                })
                .collect()
        };
        let right: Vec<_> = x
            .chunks_exact(n as usize)
            .map(|row| cpu::strongest(row, k as usize))
            .collect();
        assert_eq!(found(&got), right);
        // The control: largest, not farthest from 0.
        let mut largest: Vec<f32> = x[..n as usize].to_vec();
        largest.sort_by(|a, b| b.total_cmp(a));
        assert_ne!(
            right[0].iter().map(|(value, _)| *value).collect::<Vec<_>>(),
            largest[..right[0].len()]
        );
    }
}

#[test]
fn logit_stats() {
    let gpu = gpu();
    for (n, lanes) in [
        (1, 64),
        (33, 8),
        (1024, 64),
        (1024, 8),
        (5000, 64),
        (5000, 8),
    ] {
        let logits: Vec<f32> = numbers(4, n as usize).iter().map(|x| x * 20.0).collect();
        let (entropy, counts) = cpu::logit_stats(&logits);
        let highest = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = logits.iter().map(|x| (x - highest).exp()).sum();
        let logsumexp = highest + sum.ln();
        let chosen = buffer(&gpu, &[0.0, highest, logsumexp, 0.0]);
        let stats = zeros(&gpu, size_of::<LogitStats>() as u32 / 4);
        let kernel = LogitStatsOf { n, lanes };
        let logits = buffer(&gpu, &logits);
        let dispatches = kernel.dispatches(&gpu, &chosen, &logits, &stats).unwrap();
        let got = run::<LogitStats>(&gpu, dispatches, 0, &stats, 1)[0];
        assert!(
            (got.entropy - entropy).abs() < 1e-4,
            "{} {entropy}",
            got.entropy
        );
        assert_eq!(got.counts.iter().sum::<u32>(), n);
        // A logit on the edge of a bin may fall to either side.
        let differing = got.counts.iter().zip(&counts).map(|(a, b)| a.abs_diff(*b));
        assert!(differing.sum::<u32>() <= 2, "{:?} {counts:?}", got.counts);
        assert!(
            n == 1 || counts[0] < n,
            "bins of {LOGIT_BIN} tell logits apart"
        );
    }
}
