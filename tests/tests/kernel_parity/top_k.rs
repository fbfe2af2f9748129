use vitrine_gpu::Extent;
use vitrine_kernels::{TOP_K, TopK, cpu, stride};

use crate::support::{LENGTHS, buffer, gpu, numbers, padded, run};

fn top_k(logits: &[f32]) -> Vec<(u32, f32)> {
    top_k_of_rows(logits, logits.len() as u32).remove(0)
}

fn top_k_of_rows(logits: &[f32], n: u32) -> Vec<Vec<(u32, f32)>> {
    let gpu = gpu();
    let rows = logits.len() as u32 / n;
    let stride = stride(n);
    let logits = buffer(&gpu, &padded(logits, n, stride));
    let each = Extent::Tokens { per: 1 };
    let kernel = TopK { n, stride };
    let (dispatches, best) = kernel.dispatches(&gpu, &logits, each, rows).unwrap();
    run::<[u32; 2]>(&gpu, dispatches, rows, &best, rows * TOP_K)
        .chunks_exact(TOP_K as usize)
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
    for n in [33, 2000] {
        let logits = numbers(5, 3 * n);
        let right: Vec<_> = logits
            .chunks_exact(n)
            .map(|row| cpu::top_k(row, TOP_K as usize))
            .collect();
        let got = top_k_of_rows(&logits, n as u32);
        assert_eq!(got, right);
        // Control: rows are told apart.
        assert_ne!(got[0], right[1]);
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
    let logits: Vec<f32> = (0..3000).map(|id| (id % 3) as f32).collect();
    let got = top_k(&logits);
    assert_eq!(got, cpu::top_k(&logits, TOP_K as usize));
    assert_eq!(got[..3], [(2, 2.0), (5, 2.0), (8, 2.0)]);
}
