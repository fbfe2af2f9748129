use vitrine_gpu::{Buffer, Dispatch, Extent, Gpu};
use vitrine_kernels::{Argmax, Bests, Chosen, Row, cpu, stride};

use crate::support::{LENGTHS, buffer, gpu, numbers, padded, paged_step, run, zeros};

/// Reads the logits of up to `capacity` rows of `n`, and chooses.
fn both(
    gpu: &Gpu,
    n: u32,
    [logits, chosen]: [&Buffer; 2],
    feedback: Option<[&Buffer; 2]>,
    rows: Extent,
    capacity: u32,
    lanes: u32,
) -> [Dispatch; 2] {
    let stride = stride(n);
    let argmax = Argmax { n, stride, lanes };
    let bests = Bests::new(gpu, n, capacity).unwrap();
    [
        argmax.scan(gpu, logits, &bests, rows).unwrap(),
        argmax.choose(gpu, &bests, chosen, feedback, rows).unwrap(),
    ]
}

/// The choice, and what `Step` begins with then: rows, page stride, position of the first row.
fn choose(gpu: &Gpu, logits: &[f32], lanes: u32) -> (Chosen, [u32; 3]) {
    let n = logits.len() as u32;
    let buffers = [
        buffer(gpu, logits),
        zeros(gpu, 4),
        buffer(gpu, &[77u32; 5 * 64]),
    ];
    let [logits, chosen, history] = &buffers;
    // Positions 60 … 64 of the second sequence, whose second page is the fourth of the cache.
    let rows: Vec<Row> = (60..65)
        .map(|position| Row {
            position,
            sequence: 1,
        })
        .collect();
    let step = paged_step(gpu, &rows, &[vec![2, 0], vec![1, 3]]);
    let feedback = Some([&step, history]);
    let dispatches = both(
        gpu,
        n,
        [logits, chosen],
        feedback,
        Extent::Fixed(1),
        1,
        lanes,
    );
    let result = run::<Chosen>(gpu, dispatches, 1, chosen, 1)[0];
    // Only the place of the new token is written.
    let mut expected = [77; 5 * 64];
    expected[3 * 64 + 1] = result.id;
    assert_eq!(run::<u32>(gpu, [], 0, history, 5 * 64), expected);
    let step = run::<u32>(gpu, [], 0, &step, 3);
    (result, [step[0], step[1], step[2]])
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
        let lanes = if n.is_multiple_of(2) { 8 } else { 64 };
        let (chosen, step) = choose(&gpu, &logits, lanes);
        assert_eq!(
            (chosen.id, chosen.logit, chosen.position),
            (id, logit, 65),
            "{n} logits"
        );
        assert!(
            (chosen.logsumexp - logsumexp).abs() < 1e-4,
            "{n} logits: {chosen:?} {logsumexp}"
        );
        assert_eq!(step, [1, 2, 65], "{n} logits");
        // Control: another winner is another choice.
        let mut other = logits;
        other[(n / 2) as usize] = 40.0;
        assert_eq!(choose(&gpu, &other, lanes).0.id, n / 2, "{n} logits");
    }
}

#[test]
fn of_equal_logits_the_lowest_id_wins() {
    let gpu = gpu();
    let mut logits = vec![1.0; 5000];
    assert_eq!(choose(&gpu, &logits, 8).0.id, 0);
    assert_eq!(choose(&gpu, &logits, 64).0.id, 0);
    (logits[4999], logits[2048], logits[3000]) = (2.0, 2.0, 2.0);
    assert_eq!(choose(&gpu, &logits, 8).0.id, 2048);
    assert_eq!(choose(&gpu, &logits, 64).0.id, 2048);
}

#[test]
fn rows_are_chosen_each_for_itself() {
    let gpu = gpu();
    for (n, lanes) in [(33, 64), (1025, 8)] {
        let rows = 5;
        let logits = numbers(3, (n * rows) as usize);
        let buffer = buffer(&gpu, &padded(&logits, n, stride(n)));
        let chosen = zeros(&gpu, 4 * rows);
        let each = Extent::Tokens { per: 1 };
        let dispatches = both(&gpu, n, [&buffer, &chosen], None, each, rows, lanes);
        let got = run::<Chosen>(&gpu, dispatches, rows, &chosen, rows);
        let right: Vec<_> = logits.chunks_exact(n as usize).map(cpu::argmax).collect();
        for (got, right) in got.iter().zip(&right) {
            assert_eq!((got.id, got.logit), (right.0, right.1), "{n} logits");
            assert!((got.logsumexp - right.2).abs() < 1e-4, "{n} logits");
        }
        // Control: rows differ.
        assert!(got[0].id != right[1].0 || got[0].logit != right[1].1);
    }
}

/// A step of three sequences: each choice goes to its own sequence, and each position moves on.
#[test]
fn argmax_feeds_back_to_each_sequence() {
    let gpu = gpu();
    let n = 1003;
    let logits = numbers(5, 3 * n as usize);
    let buffer_of = padded(&logits, n, stride(n));
    let (buffer_of, chosen) = (buffer(&gpu, &buffer_of), zeros(&gpu, 3 * 4));
    let history = buffer(&gpu, &[77u32; 3 * 64]);
    let row = |position, sequence| Row { position, sequence };
    // Position 63 is followed by the first one of the next page.
    let rows = [row(3, 2), row(63, 0), row(0, 1)];
    let step = paged_step(&gpu, &rows, &[vec![1, 2], vec![0], vec![2]]);
    let each = Extent::Tokens { per: 1 };
    let feedback = Some([&step, &history]);
    let dispatches = both(&gpu, n, [&buffer_of, &chosen], feedback, each, 3, 8);
    let got = run::<Chosen>(&gpu, dispatches, 3, &chosen, 3);
    let right: Vec<_> = logits.chunks_exact(n as usize).map(cpu::argmax).collect();
    let ids: Vec<u32> = right.iter().map(|best| best.0).collect();
    assert_eq!(got.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    // Control: the rows have different winners.
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    assert_eq!(
        got.iter().map(|row| row.position).collect::<Vec<_>>(),
        [4, 64, 1]
    );
    let mut expected = [77; 3 * 64];
    (expected[128 + 4], expected[128], expected[1]) = (ids[0], ids[1], ids[2]);
    assert_eq!(run::<u32>(&gpu, [], 0, &history, 3 * 64), expected);
    let step = run::<u32>(&gpu, [], 0, &step, 8);
    assert_eq!(step, [3, 2, 4, 2, 64, 0, 1, 1]);
}
