use vitrine_checkpoint::KvDtype;
use vitrine_gpu::{Gpu, StoreKind};
use vitrine_kernels::{
    Attention, AttentionProbs, AttentionShape, CacheLayout, Dtype, HeadStats, cpu, stride,
};

use crate::attention::forms_of_one;
use crate::support::{
    assert_close, buffer, cached, gpu, numbers, paired, remembered, run, step, zeros,
};

struct Case {
    heads: u32,
    kv_heads: u32,
    position: u32,
    tokens: u32,
    sliding_window: Option<u32>,
    dtype: Dtype,
    kv_dtype: KvDtype,
    tolerance: f32,
}

const HEAD_DIM: u32 = 16;

impl Case {
    /// In all forms.
    fn check(&self, gpu: &Gpu) {
        let cache = CacheLayout {
            head_dim: HEAD_DIM,
            rope_pairs: 6,
            dtype: self.kv_dtype,
            store: StoreKind::Buffer,
        };
        for (cache, shape) in forms_of_one(gpu, cache) {
            self.check_form(gpu, cache, shape);
        }
    }

    fn check_form(&self, gpu: &Gpu, cache: CacheLayout, shape: AttentionShape) {
        let positions = self.position + self.tokens;
        let width = |heads: u32| heads * HEAD_DIM;
        let q = numbers(1, (self.tokens * width(self.heads)) as usize);
        let raw_k = numbers(2, (positions * width(self.kv_heads)) as usize);
        let k = remembered(cache, &raw_k);
        let scale = 0.8;
        let sizes = [self.heads, self.kv_heads, HEAD_DIM].map(|size| size as usize);
        let twin = |k: &[f32]| {
            let window = self
                .sliding_window
                .map_or(usize::MAX, |window| window as usize);
            cpu::attention_probs(&q, k, sizes, self.position as usize, window, scale)
        };
        let right = twin(&k);
        let reversed: Vec<f32> = k.iter().rev().copied().collect();
        let mut wrong = twin(&reversed);
        // A single key has probability 1, whatever its score.
        wrong.iter_mut().for_each(|prob| *prob += 1e-2);

        let of = Attention {
            heads: self.heads,
            kv_heads: self.kv_heads,
            out_stride: stride(width(self.heads)),
            scale,
            sliding_window: self.sliding_window,
            cache,
            dtype: self.dtype,
            stats: true,
            shape,
        };
        let query = paired(gpu, cache, self.dtype, &q);
        let keys = cached(gpu, cache, self.kv_heads, &raw_k);
        let out = zeros(gpu, self.tokens * of.out_stride);
        let rows = self.tokens * self.heads;
        let stats = zeros(gpu, rows * 8);
        let step = step(gpu, self.position, self.tokens);
        // Longer than the sequence, whose later positions are masked.
        let row = positions + 3;
        let probs = zeros(gpu, rows * row);
        let width = buffer(gpu, &[row]);
        let partials = of.partials(gpu, self.tokens).unwrap();
        let caches = [&keys, &keys];
        let mut dispatches = of
            .dispatches(
                gpu,
                &query,
                caches,
                &out,
                &step,
                Some(&stats),
                partials.as_ref(),
            )
            .unwrap();
        let kernel = AttentionProbs { of };
        let made_again = kernel.dispatch(gpu, [&query, &stats], &keys, &probs, &step, &width);
        dispatches.push(made_again.unwrap());
        let got = run::<f32>(gpu, dispatches, self.tokens, &probs, rows * row);
        let (seen, beyond): (Vec<&[f32]>, Vec<&[f32]>) = got
            .chunks_exact(row as usize)
            .map(|row| row.split_at(positions as usize))
            .unzip();
        let what = format!(
            "{} tokens from {}, {cache:?}, {shape:?}",
            self.tokens, self.position
        );
        assert_close(&seen.concat(), &right, &wrong, self.tolerance, &what);
        assert!(beyond.concat().iter().all(|prob| *prob == 0.0), "{what}");

        let stats = run::<HeadStats>(gpu, [], 0, &stats, rows);
        for (row, (stats, probs)) in stats
            .iter()
            .zip(right.chunks_exact(positions as usize))
            .enumerate()
        {
            let entropy: f32 = probs
                .iter()
                .filter(|prob| **prob > 0.0)
                .map(|prob| -prob * prob.ln())
                .sum();
            let highest = probs.iter().copied().fold(0.0, f32::max);
            let what = format!("{what}: row {row}, {stats:?}");
            assert!(
                (stats.entropy - entropy).abs() < 10.0 * self.tolerance,
                "{what}"
            );
            assert!(
                (stats.max_probability - highest).abs() < self.tolerance,
                "{what}"
            );
            assert!(
                (stats.first_token - probs[0]).abs() < self.tolerance,
                "{what}"
            );
            let at_argmax = probs[stats.argmax as usize];
            assert!(highest - at_argmax < self.tolerance, "{what}");
        }
    }
}

#[test]
fn attention_probs_and_head_stats() {
    let gpu = gpu();
    for sliding_window in [None, Some(1), Some(70)] {
        for (position, tokens) in [(0, 1), (0, 33), (63, 1), (64, 2), (130, 3)] {
            Case {
                heads: 4,
                kv_heads: 2,
                position,
                tokens,
                sliding_window,
                dtype: Dtype::F32,
                kv_dtype: KvDtype::F32,
                tolerance: 1e-5,
            }
            .check(&gpu);
        }
    }
}

#[test]
fn attention_probs_in_half_precision() {
    Case {
        heads: 3,
        kv_heads: 1,
        position: 100,
        tokens: 2,
        sliding_window: None,
        dtype: Dtype::F16,
        kv_dtype: KvDtype::F16,
        tolerance: 2e-3,
    }
    .check(&gpu());
}

#[test]
fn attention_probs_over_a_cache_in_other_numbers() {
    let gpu = gpu();
    for kv_dtype in [KvDtype::Q8, KvDtype::F16] {
        Case {
            heads: 4,
            kv_heads: 2,
            position: 100,
            tokens: 2,
            sliding_window: Some(70),
            dtype: Dtype::F32,
            kv_dtype,
            tolerance: 1e-5,
        }
        .check(&gpu);
    }
}
