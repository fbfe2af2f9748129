use vitrine_checkpoint::KvDtype;
use vitrine_gpu::{Gpu, StoreKind};
use vitrine_kernels::{AppendBuffers, CacheLayout, Dtype, RopeKvAppend, cpu, stride};

use crate::support::{
    LENGTHS, assert_close, buffer, cache, distance, gpu, numbers, remembered, run, step, stored,
    uncached, unpaired, zeros,
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
        let [keys, values] = [(); 2].map(|()| cache(gpu, self.cache, positions, self.kv_heads));
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
        let query = unpaired(gpu, self.cache, dtype, &query, n);
        let [keys, values] =
            [&keys, &values].map(|cache| uncached(gpu, self.cache, self.kv_heads, cache, kv));
        // The copy equals what was appended to the cache.
        let kept = unpaired(gpu, self.cache, dtype, &kept, self.tokens * 2 * width);
        let width = width as usize;
        let new = (self.position as usize * width)..;
        let rows = keys[new.clone()].chunks_exact(width);
        let rows = rows.zip(values[new].chunks_exact(width));
        let wanted: Vec<f32> = rows.flat_map(|(k, v)| [k, v].concat()).collect();
        match (self.cache.dtype, dtype) {
            (KvDtype::Q8, _) | (KvDtype::F32, Dtype::F16) => {
                let tolerance = if dtype == Dtype::F32 { 1e-6 } else { 1e-3 };
                assert!(distance(&kept, &wanted) <= tolerance);
            }
            _ => assert_eq!(kept, wanted),
        }
        [query, keys, values]
    }

    /// From storage, and where it can be from texels.
    fn check(&self, gpu: &Gpu, tolerance: f32) {
        self.check_placed(gpu, tolerance);
        let cache = CacheLayout {
            store: StoreKind::SampledTexture,
            ..self.cache
        };
        if cache.fits_texels() {
            Self { cache, ..*self }.check_placed(gpu, tolerance);
        }
    }

    fn check_placed(&self, gpu: &Gpu, tolerance: f32) {
        let qkv = numbers(9, (self.stride() * self.tokens) as usize);
        let pairs = self.cache.rope_pairs;
        let inv_freq: Vec<f32> = (0..pairs)
            .map(|i| 10_000f32.powf(-((2 * i) as f32) / (2 * pairs) as f32))
            .collect();
        let got = self.run(gpu, &qkv, &inv_freq);
        let right = self.twin(&qkv, &inv_freq, self.position);
        let wrong = if pairs == 0 {
            // Without RoPE; queries must differ from keys.
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
                    dtype: KvDtype::F32,
                    store: StoreKind::Buffer,
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
                dtype: KvDtype::F32,
                store: StoreKind::Buffer,
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
            dtype: KvDtype::F16,
            store: StoreKind::Buffer,
        },
        dtype: Dtype::F16,
    };
    case.check(&gpu(), 1e-3);
}

#[test]
fn keys_and_values_in_numbers_of_their_own() {
    let gpu = gpu();
    for (dtype, kv_dtype) in [(Dtype::F32, KvDtype::F16), (Dtype::F16, KvDtype::F32)] {
        let case = Case {
            heads: 3,
            kv_heads: 1,
            tokens: 5,
            position: 2,
            cache: CacheLayout {
                head_dim: 64,
                rope_pairs: 24,
                dtype: kv_dtype,
                store: StoreKind::Buffer,
            },
            dtype,
        };
        case.check(&gpu, 1e-3);
    }
}

/// Each value to the nearest byte of its head, and no nearer: it is rounded.
#[test]
fn keys_and_values_in_8_bits() {
    let gpu = gpu();
    for (heads, kv_heads, head_dim, rope_pairs) in [
        (9, 3, 64, 32),
        (3, 1, 96, 12),
        (2, 2, 4, 0),
        (4, 2, 288, 144),
    ] {
        for (tokens, dtype) in [(1, Dtype::F32), (33, Dtype::F32), (3, Dtype::F16)] {
            let case = Case {
                heads,
                kv_heads,
                tokens,
                position: 31,
                cache: CacheLayout {
                    head_dim,
                    rope_pairs,
                    dtype: KvDtype::Q8,
                    store: StoreKind::Buffer,
                },
                dtype,
            };
            let mut qkv = numbers(9, (case.stride() * tokens) as usize);
            // A head of zeros, the first token's first key, stays one.
            let keys_at = (heads * head_dim) as usize;
            if tokens > 1 {
                qkv[keys_at..keys_at + head_dim as usize].fill(0.0);
            }
            let inv_freq: Vec<f32> = (0..rope_pairs).map(|i| 0.9f32.powi(i as i32)).collect();
            let got = case.run(&gpu, &qkv, &inv_freq);
            let exact = case.twin(&qkv, &inv_freq, case.position);
            let wrong = case.twin(&qkv, &inv_freq, case.position + 1);
            let what = format!(
                "{heads} over {kv_heads}, {:?}, {tokens}, {dtype:?}",
                case.cache
            );
            for i in [1, 2] {
                let twin = remembered(case.cache, &exact[i]);
                // A value on the edge between two bytes may become the other one, a 127th of the largest.
                let steps: Vec<f32> = twin
                    .chunks_exact(head_dim as usize)
                    .flat_map(|head| {
                        let most = head.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
                        vec![most / 127.0; head_dim as usize]
                    })
                    .collect();
                let stored_off = if dtype == Dtype::F32 { 1e-5 } else { 1e-3 };
                let values = got[i].iter().zip(&exact[i]).zip(&steps);
                for ((got, exact), step) in values {
                    let off = (got - exact).abs();
                    assert!(
                        off <= 0.5001 * step + stored_off,
                        "{what}: off by {off}, {step}"
                    );
                }
                let same = got[i]
                    .iter()
                    .zip(&twin)
                    .filter(|(a, b)| (*a - *b).abs() < 1e-5);
                let share = same.count() as f32 / twin.len() as f32;
                assert!(
                    dtype == Dtype::F16 || share > 0.99,
                    "{what}: {share} as the twin"
                );
                assert!(distance(&got[i], &exact[i]) > 1e-4, "{what}: rounded");
                let control = if i == 1 && rope_pairs > 0 {
                    &wrong[1]
                } else {
                    &exact[3 - i]
                };
                assert!(distance(&got[i], control) > 0.1, "{what}: the control");
            }
            let first = case.position as usize * (kv_heads * head_dim) as usize;
            let key = &got[1][first..first + head_dim as usize];
            let is_zero = key.iter().all(|x| *x == 0.0);
            assert_eq!(is_zero, tokens > 1, "{what}: {key:?}");
        }
    }
}

/// Rounding must keep NaN; otherwise it would go unnoticed.
#[test]
fn in_8_bits_what_is_no_number_stays_none() {
    let gpu = gpu();
    let head_dim = 64;
    let case = Case {
        heads: 2,
        kv_heads: 1,
        tokens: 2,
        position: 0,
        cache: CacheLayout {
            head_dim,
            rope_pairs: 32,
            dtype: KvDtype::Q8,
            store: StoreKind::Buffer,
        },
        dtype: Dtype::F32,
    };
    let inv_freq = [0.5; 32];
    for none in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut qkv = numbers(9, (case.stride() * case.tokens) as usize);
        // In the first token's value, and in the second one's key.
        qkv[(3 * head_dim + 7) as usize] = none;
        qkv[(case.stride() + 2 * head_dim + 5) as usize] = none;
        let got = case.run(&gpu, &qkv, &inv_freq);
        let exact = case.twin(&qkv, &inv_freq, 0);
        for (i, token_of_none) in [(1, 1), (2, 0)] {
            for values in [&got[i], &remembered(case.cache, &exact[i])] {
                let heads = values.chunks_exact(head_dim as usize);
                for (token, head) in heads.enumerate() {
                    // Control: the other token's are numbers.
                    let none_here = token == token_of_none;
                    assert!(
                        head.iter().all(|x| x.is_finite() != none_here),
                        "{none} in {i}: token {token}"
                    );
                }
            }
        }
    }
}
