use vitrine_kernels::{TOP_K, TopK, cpu};

use crate::support::{LENGTHS, buffer, gpu, numbers, run};

fn top_k(logits: &[f32]) -> Vec<(u32, f32)> {
    let gpu = gpu();
    let logits_buffer = buffer(&gpu, logits);
    let (dispatches, best) = TopK {
        n: logits.len() as u32,
    }
    .dispatches(&gpu, &logits_buffer)
    .unwrap();
    run::<[u32; 2]>(&gpu, dispatches, 1, &best, TOP_K)
        .into_iter()
        .filter(|[_, id]| *id != u32::MAX)
        .map(|[logit, id]| (id, f32::from_bits(logit)))
        .collect()
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
