use vitrine_gpu::{Extent, Gpu};
use vitrine_kernels::{Argmax, Chosen, Step, cpu, stride};

use crate::support::{LENGTHS, buffer, gpu, numbers, padded, run, step, zeros};

fn choose(gpu: &Gpu, logits: &[f32]) -> (Chosen, u32, Step) {
    let n = logits.len() as u32;
    let buffers = [
        buffer(gpu, logits),
        zeros(gpu, 4),
        buffer(gpu, &[77u32; 4]),
        buffer(gpu, &[77u32; 16]),
    ];
    let [logits, chosen, tokens, history] = &buffers;
    let step = step(gpu, 10, 5);
    let argmax = Argmax {
        n,
        stride: stride(n),
        feedback: true,
    };
    let dispatches = argmax
        .dispatches(gpu, logits, chosen, [tokens, &step, history])
        .unwrap();
    let result = run::<Chosen>(gpu, dispatches, 1, chosen, 1)[0];
    // Only the place of the new token is written.
    let mut expected = [77; 16];
    expected[15] = result.id;
    assert_eq!(run::<u32>(gpu, [], 0, history, 16), expected);
    (
        result,
        run::<u32>(gpu, [], 0, tokens, 1)[0],
        run::<Step>(gpu, [], 0, &step, 1)[0],
    )
}

#[test]
fn argmax_feeds_the_choice_back_and_moves_on() {
    let gpu = gpu();
    for n in LENGTHS.into_iter().chain([1003, 1024, 1025, 49_152]) {
        let logits: Vec<f32> = numbers(n.into(), n as usize)
            .iter()
            .map(|x| x * 30.0)
            .collect();
        let (id, logit, logsumexp) = cpu::argmax(&logits);
        let (chosen, token, step) = choose(&gpu, &logits);
        assert_eq!(
            (chosen.id, chosen.logit, chosen.position),
            (id, logit, 15),
            "{n} logits"
        );
        assert!(
            (chosen.logsumexp - logsumexp).abs() < 1e-4,
            "{n} logits: {chosen:?} {logsumexp}"
        );
        assert_eq!(
            (token, step),
            (
                id,
                Step {
                    position: 15,
                    n_tokens: 1
                }
            ),
            "{n} logits"
        );
        // Control: another winner is another choice.
        let mut other = logits;
        other[(n / 2) as usize] = 40.0;
        assert_eq!(choose(&gpu, &other).0.id, n / 2, "{n} logits");
    }
}

#[test]
fn of_equal_logits_the_lowest_id_wins() {
    let gpu = gpu();
    let mut logits = vec![1.0; 5000];
    assert_eq!(choose(&gpu, &logits).0.id, 0);
    (logits[4999], logits[2048], logits[3000]) = (2.0, 2.0, 2.0);
    assert_eq!(choose(&gpu, &logits).0.id, 2048);
}

#[test]
fn rows_are_chosen_each_for_itself() {
    let gpu = gpu();
    for n in [33, 1025] {
        let rows = 5;
        let logits = numbers(3, (n * rows) as usize);
        let buffer = buffer(&gpu, &padded(&logits, n, stride(n)));
        let chosen = zeros(&gpu, 4 * rows);
        let argmax = Argmax {
            n,
            stride: stride(n),
            feedback: false,
        };
        let each = Extent::Tokens { per: 1 };
        let dispatches = argmax.row_dispatches(&gpu, &buffer, &chosen, each, rows);
        let got = run::<Chosen>(&gpu, dispatches.unwrap(), rows, &chosen, rows);
        let right: Vec<_> = logits.chunks_exact(n as usize).map(cpu::argmax).collect();
        for (got, right) in got.iter().zip(&right) {
            assert_eq!((got.id, got.logit), (right.0, right.1), "{n} logits");
            assert!((got.logsumexp - right.2).abs() < 1e-4, "{n} logits");
        }
        // Control: rows are told apart.
        assert!(got[0].id != right[1].0 || got[0].logit != right[1].1);
    }
}
