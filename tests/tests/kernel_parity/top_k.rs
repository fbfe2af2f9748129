use vitrine_gpu::Extent;
use vitrine_kernels::{Argmax, Bests, TOP_K, TopK, cpu, stride};

use crate::support::{LENGTHS, buffer, gpu, numbers, padded, run};

fn top_k(logits: &[f32]) -> Vec<(u32, f32)> {
    top_k_of_rows(logits, logits.len() as u32, TOP_K).remove(0)
}

fn top_k_of_rows(logits: &[f32], n: u32, k: u32) -> Vec<Vec<(u32, f32)>> {
    let gpu = gpu();
    let rows = logits.len() as u32 / n;
    let stride = stride(n);
    let logits = buffer(&gpu, &padded(logits, n, stride));
    let each = Extent::Tokens { per: 1 };
    let bests = Bests::new(&gpu, n, rows).unwrap();
    let lanes = if n.is_multiple_of(2) { 8 } else { 64 };
    let scan = Argmax { n, stride, lanes };
    let scan = scan.scan(&gpu, &logits, &bests, each).unwrap();
    let kernel = TopK { n, stride, k };
    let (dispatch, best) = kernel.dispatch(&gpu, &logits, &bests, each, rows).unwrap();
    run::<[u32; 2]>(&gpu, [scan, dispatch], rows, &best, rows * k)
        .chunks_exact(k as usize)
        .map(|row| {
            row.iter()
                .filter(|[_, id]| *id != u32::MAX)
                .map(|[logit, id]| (*id, f32::from_bits(*logit)))
                .collect()
        })
        .collect()
}

#[test]
fn rows_are_sorted_each_for_itself() {
    for (n, k) in [(33, TOP_K), (2000, TOP_K), (2000, 5), (3, 5), (2000, 1)] {
        let logits = numbers(5, 3 * n);
        let right: Vec<_> = logits
            .chunks_exact(n)
            .map(|row| cpu::top_k(row, k as usize))
            .collect();
        let got = top_k_of_rows(&logits, n as u32, k);
        assert_eq!(got, right, "{k} of {n}");
        // Control: rows differ.
        assert_ne!(got[0], right[1], "{k} of {n}");
    }
}

#[test]
fn top_k_is_sorted_and_complete() {
    for n in LENGTHS.into_iter().chain([1024, 1025, 49_152, 262_144]) {
        let mut logits = numbers(n.into(), n as usize);
        assert_eq!(
            top_k(&logits),
            cpu::top_k(&logits, TOP_K as usize),
            "{n} logits"
        );
        // Control: the lowest logit made the highest must come first.
        logits[(n - 1) as usize] = 2.0;
        assert_eq!(top_k(&logits)[0], (n - 1, 2.0), "{n} logits");
    }
}

#[test]
fn equal_logits_come_in_order_of_id() {
    for n in [1, 64, 300, 3000, 49_152] {
        for values in [1, 2, 3, 700] {
            let logits: Vec<f32> = (0..n).map(|id| (id % values) as f32 - 1.0).collect();
            let got = top_k(&logits);
            let right = cpu::top_k(&logits, TOP_K as usize);
            assert_eq!(got, right, "{n} logits of {values} values");
            // Control: the list has an order.
            let backwards: Vec<_> = right.into_iter().rev().collect();
            assert!(n == 1 || got != backwards, "{n} logits of {values} values");
        }
    }
}

/// Where all the best lie in what one lane reads, its maximum says little about them.
#[test]
fn the_best_may_lie_together() {
    for together in [16, 1024, 8192] {
        for apart in [1, 64, 256] {
            let mut logits = numbers(7, 49_152);
            for (id, logit) in logits.iter_mut().enumerate() {
                if id < together * apart && id % apart == 0 {
                    *logit += 3.0 + (id % 977) as f32;
                }
            }
            let right = cpu::top_k(&logits, TOP_K as usize);
            assert_eq!(top_k(&logits), right, "{together} logits {apart} apart");
        }
    }
}

#[test]
fn the_two_zeros_are_equal_and_infinite_logits_end_the_list() {
    let mut logits = vec![f32::NEG_INFINITY; 3000];
    (logits[7], logits[2999], logits[1500], logits[8]) = (-0.0, 0.0, -1.0, f32::MIN_POSITIVE);
    let got = top_k(&logits);
    let ids: Vec<u32> = got.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [8, 7, 2999, 1500]);
    // Control: the bits are those of the logits.
    assert_eq!(got[1].1.to_bits(), (-0.0f32).to_bits());
    assert_ne!(got[2].1.to_bits(), (-0.0f32).to_bits());
}
