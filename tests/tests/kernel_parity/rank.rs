use vitrine_gpu::Extent;
use vitrine_kernels::{Rank, Ranked, cpu, stride};

use crate::support::{LENGTHS, buffer, gpu, numbers, padded, run, zeros};

#[test]
fn rank() {
    let gpu = gpu();
    for n in LENGTHS.into_iter().chain([1003]) {
        let rows = 3;
        let mut logits = numbers(7, (n * rows) as usize);
        // Equal logits, before and after the target.
        for id in [0, n / 2, n - 1] {
            logits[id as usize] = 0.25;
        }
        let targets = [n / 2, 0, n - 1];
        let stride = stride(n);
        let logits_buffer = buffer(&gpu, &padded(&logits, n, stride));
        let (target_buffer, ranks) = (buffer(&gpu, &targets), zeros(&gpu, 2 * rows));
        let each = Extent::Tokens { per: 1 };
        let kernel = Rank { n, stride };
        let dispatch = kernel.dispatch(&gpu, &logits_buffer, &target_buffer, &ranks, each);
        let got = run::<Ranked>(&gpu, [dispatch.unwrap()], rows, &ranks, rows);
        let twin = |targets: &[u32]| -> Vec<Ranked> {
            logits
                .chunks_exact(n as usize)
                .zip(targets)
                .map(|(row, id)| {
                    let (logit, before) = cpu::rank(row, *id);
                    Ranked { logit, before }
                })
                .collect()
        };
        assert_eq!(got, twin(&targets), "{n} logits");
        // Control: other targets differ.
        assert!(n == 1 || got != twin(&[0, n - 1, n / 2]), "{n} logits");
    }
}
