use vitrine_gpu::Gpu;
use vitrine_kernels::{AppendBuffers, CacheLayout, Dtype, RopeKvAppend, cpu, stride};

use crate::support::{
    LENGTHS, assert_close, buffer, gpu, numbers, run, step, stored, unpaired, zeros,
};

struct Case {
    heads: u32,
    kv_heads: u32,
    tokens: u32,
    position: u32,
    cache: CacheLayout,
    dtype: Dtype,
}

impl Case {
    fn stride(&self) -> u32 {
        stride((self.heads + 2 * self.kv_heads) * self.cache.head_dim)
    }

    /// (queries, keys, values) by the twin, densely; keys and values from position 0 on.
    fn twin(&self, qkv: &[f32], inv_freq: &[f32], position: u32) -> [Vec<f32>; 3] {
        let width = |heads: u32| (heads * self.cache.head_dim) as usize;
        let before = vec![0.0; width(self.kv_heads) * self.position as usize];
        let (mut q, mut k, mut v) = (Vec::new(), before.clone(), before);
        for (token, row) in (0..).zip(qkv.chunks_exact(self.stride() as usize)) {
            let mut row = row.to_vec();
            let (rotated, rest) = row.split_at_mut(width(self.heads + self.kv_heads));
            for head in rotated.chunks_exact_mut(self.cache.head_dim as usize) {
                cpu::rotate(head, inv_freq, position + token);
            }
            q.extend(&rotated[..width(self.heads)]);
            k.extend(&rotated[width(self.heads)..]);
            v.extend(&rest[..width(self.kv_heads)]);
        }
        [q, k, v]
    }

    fn run(&self, gpu: &Gpu, qkv: &[f32], inv_freq: &[f32]) -> [Vec<f32>; 3] {
        let positions = self.position + self.tokens;
        let (dtype, head_dim) = (self.dtype, self.cache.head_dim);
        let kv = positions * self.kv_heads * head_dim;
        let qkv = stored(gpu, dtype, qkv);
        let table: Vec<[f32; 2]> = (0..positions)
            .flat_map(|position| inv_freq.iter().map(move |freq| position as f32 * freq))
            .map(|angle| [angle.cos(), angle.sin()])
            .collect();
        let rope = (!table.is_empty()).then(|| buffer(gpu, &table));
        let words = kv * dtype.bytes() as u32 / 4;
        let (keys, values) = (zeros(gpu, words), zeros(gpu, words));
        let n = self.tokens * self.heads * head_dim;
        let query = zeros(gpu, n);
        let step = step(gpu, self.position, self.tokens);
        let kernel = RopeKvAppend {
            heads: self.heads,
            kv_heads: self.kv_heads,
            qkv_stride: self.stride(),
            k_offset: self.heads * head_dim,
            v_offset: (self.heads + self.kv_heads) * head_dim,
            cache: self.cache,
            dtype,
            keep: true,
        };
        let width = self.kv_heads * head_dim;
        let kept = zeros(gpu, self.tokens * 2 * width);
        let to = AppendBuffers {
            rope: rope.as_ref(),
            query: &query,
            caches: [&keys, &values],
            step: &step,
            kept: Some(&kept),
        };
        let dispatch = kernel.dispatch(gpu, &qkv, to).unwrap();
        run::<f32>(gpu, [dispatch], self.tokens, &query, 1);
        let [query, keys, values] = [(&query, n), (&keys, kv), (&values, kv)]
            .map(|(pairs, n)| unpaired(gpu, self.cache, dtype, pairs, n));
        // What was kept is what went into the cache.
        let kept = unpaired(gpu, self.cache, dtype, &kept, self.tokens * 2 * width);
        let width = width as usize;
        let new = (self.position as usize * width)..;
        let rows = keys[new.clone()].chunks_exact(width);
        let rows = rows.zip(values[new].chunks_exact(width));
        let wanted: Vec<f32> = rows.flat_map(|(k, v)| [k, v].concat()).collect();
        assert_eq!(kept, wanted);
        [query, keys, values]
    }

    fn check(&self, gpu: &Gpu, tolerance: f32) {
        let qkv = numbers(9, (self.stride() * self.tokens) as usize);
        let pairs = self.cache.rope_pairs;
        let inv_freq: Vec<f32> = (0..pairs)
            .map(|i| 10_000f32.powf(-((2 * i) as f32) / (2 * pairs) as f32))
            .collect();
        let got = self.run(gpu, &qkv, &inv_freq);
        let right = self.twin(&qkv, &inv_freq, self.position);
        let wrong = if pairs == 0 {
            // Nothing turns; queries taken for keys must be told apart.
            let other: Vec<f32> = qkv.iter().rev().copied().collect();
            self.twin(&other, &inv_freq, self.position)
        } else {
            self.twin(&qkv, &inv_freq, self.position + 1)
        };
        let what = format!(
            "{} heads over {}, {:?}, {} tokens",
            self.heads, self.kv_heads, self.cache, self.tokens
        );
        assert_close(
            &got[0],
            &right[0],
            &wrong[0],
            tolerance,
            &format!("{what}: q"),
        );
        assert_close(
            &got[1],
            &right[1],
            &wrong[1],
            tolerance,
            &format!("{what}: k"),
        );
        // Values are not rotated; the keys are what they must not be.
        assert_close(
            &got[2],
            &right[2],
            &right[1],
            tolerance,
            &format!("{what}: v"),
        );
    }
}

#[test]
fn rope_kv_append() {
    let gpu = gpu();
    for (heads, kv_heads, head_dim) in [(9, 3, 64), (3, 1, 96), (1, 1, 4), (5, 5, 20)] {
        for tokens in LENGTHS {
            let case = Case {
                heads,
                kv_heads,
                tokens,
                position: 31,
                cache: CacheLayout {
                    head_dim,
                    rope_pairs: head_dim / 2,
                },
                dtype: Dtype::F32,
            };
            case.check(&gpu, 1e-5);
        }
    }
}

/// Heads of which a part turns (Phi-4-mini), or nothing (GPT-2).
#[test]
fn rope_of_a_part() {
    let gpu = gpu();
    for rope_pairs in [0, 1, 12] {
        let case = Case {
            heads: 3,
            kv_heads: 1,
            tokens: 5,
            position: 7,
            cache: CacheLayout {
                head_dim: 32,
                rope_pairs,
            },
            dtype: Dtype::F32,
        };
        case.check(&gpu, 1e-5);
    }
}

#[test]
fn keys_and_values_in_half_precision() {
    let case = Case {
        heads: 9,
        kv_heads: 3,
        tokens: 33,
        position: 2,
        cache: CacheLayout {
            head_dim: 64,
            rope_pairs: 24,
        },
        dtype: Dtype::F16,
    };
    case.check(&gpu(), 1e-3);
}
