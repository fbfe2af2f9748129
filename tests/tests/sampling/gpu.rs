//! `sample` and `count` on the GPU against the CPU.

use vitrine_gpu::{AdapterSelector, Buffer, Extent, Gpu, Recording, Usage};
use vitrine_kernels::{
    Chosen, Count, DrawnBits, PAGE, Row, Sample, SampleBuffers, SampleParams, Step, cpu, stride,
};
use vitrine_sampling::{Counts, Drawn, Pipeline, SamplingDefaults, SamplingParams, Stage};

use crate::golden::{golden, logits};

/// A sampler with its buffers, for rows of `n` logits, each of another sequence.
pub struct Sampler {
    gpu: Gpu,
    recording: Recording,
    buffers: [Buffer; 7],
    n: u32,
    rows: u32,
}

/// Positions of each sequence that there is room for.
const POSITIONS: u32 = 4096;

impl Sampler {
    pub fn new(n: u32, rows: u32) -> Self {
        let gpu = pollster::block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
        let stride = stride(n);
        let pages = POSITIONS / PAGE;
        let bytes = [stride * 4, 64, n * 4, 16, 32].map(|bytes| u64::from(bytes * rows));
        let buffer = |bytes: u64| gpu.buffer("test", bytes, Usage::Work).unwrap();
        let [logits, params, counts, chosen, drawn] = bytes.map(buffer);
        let step = buffer(Step::bytes(rows, pages));
        let history = buffer(u64::from(rows * POSITIONS) * 4);
        let head = Step {
            n_tokens: rows,
            page_stride: pages,
        };
        gpu.write(&step, 0, bytemuck::bytes_of(&head));
        // The last sequence has the first pages.
        for sequence in 0..rows {
            let first = (rows - 1 - sequence) * pages;
            let table: Vec<u32> = (first..first + pages).collect();
            let at = Step::page_at(sequence, pages, 0);
            gpu.write(&step, at, bytemuck::cast_slice(&table));
        }
        let names = SampleBuffers {
            logits: &logits,
            params: &params,
            counts: &counts,
            chosen: &chosen,
            drawn: &drawn,
            step: &step,
            history: &history,
        };
        let mut recording = Recording::default();
        let kernel = Sample { n, stride };
        let each = Extent::Tokens { per: 1 };
        recording.dispatch(kernel.dispatch(&gpu, &names, each).unwrap());
        let buffers = [logits, params, counts, chosen, drawn, step, history];
        Self {
            gpu,
            recording,
            buffers,
            n,
            rows,
        }
    }

    fn write<T: bytemuck::Pod>(&self, buffer: usize, index: u32, values: &[T], width: u32) {
        let at = u64::from(index * width) * size_of::<T>() as u64;
        let bytes = bytemuck::cast_slice(values);
        self.gpu.write(&self.buffers[buffer], at, bytes);
    }

    /// What sequence `row` is sampled from and how.
    pub fn set(&self, row: u32, logits: &[f32], counts: &Counts, params: &SamplingParams) {
        self.write(0, row, logits, stride(self.n));
        self.write(1, row, &[SampleParams::from(params)], 1);
        self.write(2, row, counts.words(), self.n);
    }

    /// The draws for the tokens at these positions, one for each sequence.
    pub fn draw_at(&self, positions: &[u32]) -> Vec<(Chosen, DrawnBits)> {
        self.place(positions);
        let rows = self.rows;
        let chosen = self.run::<Chosen>(1, 3, rows);
        let drawn = self.run::<DrawnBits>(0, 4, rows);
        chosen.into_iter().zip(drawn).collect()
    }

    /// The draws for the first `n` positions of the one sequence, each fed back.
    pub fn draw_many(&self, n: u32) -> Vec<u32> {
        self.place(&[1]);
        let history = self.run::<u32>(n, 6, n + 1);
        history[1..].to_vec()
    }

    fn place(&self, positions: &[u32]) {
        let row = |(sequence, position): (u32, &u32)| Row {
            position: position - 1,
            sequence,
        };
        let rows: Vec<Row> = (0..).zip(positions).map(row).collect();
        let at = Step::ROWS_AT;
        self.gpu
            .write(&self.buffers[5], at, bytemuck::cast_slice(&rows));
    }

    /// Samples `times` times, and reads the first `n` of a buffer.
    fn run<T: bytemuck::Pod>(&self, times: u32, buffer: usize, n: u32) -> Vec<T> {
        for _ in 0..times {
            self.gpu.submit(self.rows, [&self.recording]);
        }
        let bytes = u64::from(n) * size_of::<T>() as u64;
        let readback = self
            .gpu
            .submit_and_read(0, [], &[(&self.buffers[buffer], bytes)]);
        bytemuck::pod_collect_to_vec(&pollster::block_on(readback.bytes()).unwrap())
    }
}

fn close(got: f64, right: f64) -> bool {
    (got - right).abs() < 2e-6
}

/// The same token, or one whose segment begins where the draw fell.
fn assert_same(got: (Chosen, DrawnBits), right: Drawn, kept: usize, what: &str) {
    let (chosen, drawn) = got;
    assert!(close(drawn.u(), right.u), "{what}: u {}", drawn.u());
    assert_eq!(drawn.kept as usize, kept, "{what}: how many are left");
    let end = right.start + right.probability;
    if chosen.id == right.id {
        assert!(close(drawn.probability(), right.probability), "{what}");
        assert!(close(drawn.start(), right.start), "{what}");
    } else {
        let near = close(right.start, right.u) || close(end, right.u);
        assert!(near, "{what}: {} instead of {}", chosen.id, right.id);
    }
}

#[test]
fn the_gpu_draws_what_the_cpu_draws() {
    let golden = golden();
    let sampler = Sampler::new(logits("usual").len() as u32, 1);
    let mut ids = 0;
    for (index, case) in golden.cases.iter().enumerate() {
        let logits = logits(&case.logits);
        let counts = Counts::new(logits.len(), &golden.context, &[5, 5, 9]);
        for (presence, seed) in [(0.0, 1), (0.75, 0xFFFF_0000_1234_5678)] {
            let params = SamplingParams {
                presence_penalty: presence,
                frequency_penalty: presence / 3.0,
                seed,
                ..case.params()
            };
            sampler.set(0, &logits, &counts, &params);
            let pipeline = Pipeline::new(&logits, &counts, &params);
            let kept = pipeline.kept(Stage::MinP).count();
            let position = 10 + index as u32;
            let got = sampler.draw_at(&[position])[0];
            let what = format!("{} {params:?}", case.logits);
            assert_same(got, pipeline.draw(position), kept, &what);
            assert_eq!(got.0.position, position, "{what}");
            assert_eq!(got.0.logit, logits[got.0.id as usize], "{what}");
            // Control: another position is another point.
            assert!(!close(got.1.u(), pipeline.draw(position + 1).u), "{what}");
            ids += got.0.id;
        }
    }
    assert!(ids > 0);
}

fn vocabulary(n: u32) -> Vec<f32> {
    // Many of them equal, for the worst of thresholds.
    let noise = |id: u32| (id.wrapping_mul(2_654_435_761) >> 20) as f32 / 4096.0;
    (0..n).map(|id| (noise(id) * 80.0).round() / 4.0).collect()
}

#[test]
fn vocabularies_of_any_size_are_sampled_as_a_whole() {
    for n in [1, 2, 255, 256, 257, 1003, 65_536, 65_537, 151_936] {
        let sampler = Sampler::new(n, 1);
        let logits = vocabulary(n);
        let counts = Counts::new(n as usize, &[0, n / 2], &[n - 1]);
        let usual = SamplingDefaults::default().params();
        for (top_k, top_p, min_p) in [
            (0, 1.0, 0.0),
            (50, 1.0, 0.0),
            (3000, 0.95, 0.0),
            (0, 0.5, 0.0),
            (0, 0.0, 0.0),
            (0, 0.9, 0.01),
        ] {
            let params = SamplingParams {
                top_k,
                top_p,
                min_p,
                repetition_penalty: 1.1,
                frequency_penalty: 0.1,
                temperature: 3.0,
                ..usual.clone()
            };
            let pipeline = Pipeline::new(&logits, &counts, &params);
            let kept = pipeline.kept(Stage::MinP).count();
            for position in [1, 2, 77] {
                // The last draw was counted.
                sampler.set(0, &logits, &counts, &params);
                let got = sampler.draw_at(&[position])[0];
                let what = format!("{n} logits, {params:?}, position {position}");
                assert_same(got, pipeline.draw(position), kept, &what);
            }
        }
    }
}

#[test]
fn the_draw_is_fed_back_and_counted() {
    let logits = logits("usual");
    let n = logits.len() as u32;
    let sampler = Sampler::new(n, 1);
    let mut counts = Counts::new(n as usize, &[1], &[]);
    let params = SamplingDefaults::default().params();
    sampler.set(0, &logits, &counts, &params);
    let position = 77;
    let (chosen, _) = sampler.draw_at(&[position])[0];
    assert_eq!(sampler.run::<u32>(0, 5, 4), [1, 64, position, 0], "step");
    let history = sampler.run::<u32>(0, 6, 100);
    assert_eq!(history[position as usize], chosen.id, "history");
    // Control: it was not counted before.
    assert_ne!(sampler.run::<u32>(0, 2, n), counts.words());
    counts.add(chosen.id);
    assert_eq!(sampler.run::<u32>(0, 2, n), counts.words());
    // Settings change without a new plan.
    let greedy = SamplingParams {
        frequency_penalty: 0.1,
        ..SamplingParams::default()
    };
    sampler.set(0, &logits, &counts, &greedy);
    let (chosen, drawn) = sampler.draw_at(&[position])[0];
    let right = cpu::sample(&logits, &counts, &greedy, position);
    assert_eq!((chosen.id, drawn.word), (right.id, 0));
}

#[test]
fn sequences_are_sampled_each_for_itself() {
    let names = ["usual", "flat", "peaked"];
    let vectors = names.map(logits);
    let n = vectors[0].len() as u32;
    let sampler = Sampler::new(n, 3);
    let params = [0.3, 0.9, 1.4].map(|temperature| SamplingParams {
        temperature,
        top_p: temperature / 2.0,
        repetition_penalty: 1.5,
        frequency_penalty: 0.5,
        seed: (temperature * 10.0) as u64,
        ..SamplingDefaults::default().params()
    });
    let counts = [7, 8, 17].map(|id| Counts::new(n as usize, &[id, 20], &[id + 1]));
    let positions = [5, 70, 200];
    let sequences = || vectors.iter().zip(&counts).zip(&params).zip(positions);
    for (row, (((logits, counts), params), _)) in (0..).zip(sequences()) {
        sampler.set(row, logits, counts, params);
    }
    let got = sampler.draw_at(&positions);
    for (got, (((logits, counts), params), position)) in got.iter().zip(sequences()) {
        let pipeline = Pipeline::new(logits, counts, params);
        let kept = pipeline.kept(Stage::MinP).count();
        assert_same(*got, pipeline.draw(position), kept, "a sequence of three");
        assert_eq!(got.0.position, position);
    }
    // Control: they are told apart.
    assert!(got[0].1 != got[1].1 && got[1].1 != got[2].1);
    let history = sampler.run::<u32>(0, 6, 3 * POSITIONS);
    for (sequence, (position, (chosen, _))) in (0..).zip(positions.iter().zip(&got)) {
        let at = (2 - sequence) * POSITIONS + position;
        assert_eq!(history[at as usize], chosen.id);
    }
}

#[test]
fn count() {
    let gpu = pollster::block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let n = 1003;
    let vocab_size = n as usize;
    let words = |words: &[u32]| {
        let buffer = gpu.buffer("test", words.len() as u64 * 4, Usage::Work);
        let buffer = buffer.unwrap();
        gpu.write(&buffer, 0, bytemuck::cast_slice(words));
        buffer
    };
    // Two sequences, whose pages lie crosswise.
    let histories =
        [7, 11].map(|factor| (0..128).map(|i| i * i * factor % n).collect::<Vec<u32>>());
    let [a, b] = &histories;
    let history = words(&[&b[64..], &a[..64], &a[64..], &b[..64]].concat());
    let counts = words(&vec![77; 2 * vocab_size]);
    for (prompts, positions) in [([100, 3], [127, 70]), ([1, 64], [63, 127])] {
        let rows = [positions[0], 0, positions[1], 1];
        let mut step = vec![2, 2];
        step.extend(rows);
        step.resize(Step::page_at(0, 2, 0) as usize / 4, 0);
        step.extend([1, 2, 3, 0]);
        let (step, prompt_buffer) = (words(&step), words(&prompts));
        let each = Extent::Tokens { per: 1 };
        let kernel = Count { n };
        let dispatch = kernel.dispatch(&gpu, &history, &step, &prompt_buffer, &counts, each);
        let mut recording = Recording::default();
        recording.dispatch(dispatch.unwrap());
        let bytes = u64::from(2 * n) * 4;
        let readback = gpu.submit_and_read(2, [&recording], &[(&counts, bytes)]);
        let bytes = pollster::block_on(readback.bytes()).unwrap();
        let got: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
        for (sequence, got) in got.chunks_exact(vocab_size).enumerate() {
            let tokens = &histories[sequence][..=positions[sequence] as usize];
            let right = |prompt: u32| cpu::count(vocab_size, tokens, prompt as usize);
            assert_eq!(got, right(prompts[sequence]));
            // Control: another prompt is told apart.
            assert_ne!(got, right(prompts[sequence] - 1));
        }
    }
}
