use vitrine_checkpoint::KvDtype;
use vitrine_gpu::{Gpu, StoreKind, Tier};
use vitrine_kernels::{
    Attention, AttentionForm, AttentionShape, CacheLayout, Dtype, Queries, cpu, stride,
};

use crate::support::{
    LENGTHS, assert_close, cached, gpu, numbers, paired, remembered, run, run_stored, step,
    unpadded, zeros,
};

/// How a cache may lie, and be read: whole and in splits, also in more than there are pages; as texels where the
/// device has subgroups for it.
pub fn forms(gpu: &Gpu, cache: CacheLayout) -> Vec<(CacheLayout, AttentionShape)> {
    let token = |splits| (cache, shape(AttentionForm::Token, splits));
    let mut all = vec![token(1), token(3)];
    let lanes = gpu
        .caps()
        .subgroup_size
        .filter(|size| vitrine_kernels::software::SHARED_LANES.contains(size));
    if let Some(lanes) = lanes
        && cache.fits_texels()
    {
        let form = AttentionForm::Texels(lanes);
        let texels = [StoreKind::SampledTexture, StoreKind::StorageTexture];
        let texels = texels.map(|store| CacheLayout { store, ..cache });
        all.extend(
            texels
                .into_iter()
                .zip([1, 4])
                .map(|(cache, splits)| (cache, shape(form, splits))),
        );
    }
    all
}

/// The same for tokens of one sequence, also in tiles.
pub fn forms_of_one(gpu: &Gpu, cache: CacheLayout) -> Vec<(CacheLayout, AttentionShape)> {
    let mut all = forms(gpu, cache);
    all.push((cache, shape(AttentionForm::Prompt, 1)));
    all
}

/// Splits have a page at least.
fn shape(form: AttentionForm, splits: u32) -> AttentionShape {
    AttentionShape {
        form,
        splits,
        least_pages: 1,
    }
}

struct Case {
    heads: u32,
    kv_heads: u32,
    position: u32,
    tokens: u32,
    sliding_window: Option<u32>,
    cache: CacheLayout,
    dtype: Dtype,
    tolerance: f32,
}

impl Case {
    fn check(&self, gpu: &Gpu) {
        self.check_forms(gpu, &forms_of_one(gpu, self.cache));
    }

    fn check_forms(&self, gpu: &Gpu, forms: &[(CacheLayout, AttentionShape)]) {
        let (heads, kv_heads, head_dim) = (self.heads, self.kv_heads, self.cache.head_dim);
        let positions = self.position + self.tokens;
        let (q_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
        let q = numbers(1, (self.tokens * q_width) as usize);
        let raw = [2, 3].map(|seed| numbers(seed, (positions * kv_width) as usize));
        // Rounding is not tested here.
        let [k, v] = [0, 1].map(|i| remembered(self.cache, &raw[i]));
        let sizes = [heads, kv_heads, head_dim].map(|size| size as usize);
        let scale = 3.0 / (head_dim as f32).sqrt();
        let twin = |v: &[f32], window: Option<u32>| {
            let window = window.map_or(usize::MAX, |window| window as usize);
            cpu::attention(&q, &k, v, sizes, self.position as usize, window, scale)
        };
        let right = twin(&v, self.sliding_window);
        let wrong = match self.sliding_window {
            // One more position, if there is one.
            Some(window) if window < positions => twin(&v, Some(window + 1)),
            // Another value at the last position, which only the last token sees.
            _ => {
                let mut other = v.clone();
                other[((positions - 1) * kv_width) as usize] += 1.0;
                twin(&other, self.sliding_window)
            }
        };

        let out_stride = stride(q_width);
        let query = paired(gpu, self.cache, self.dtype, &q);
        let out = zeros(gpu, self.tokens * out_stride);
        let step = step(gpu, self.position, self.tokens);
        for &(cache, shape) in forms {
            let [k, v] = [0, 1].map(|i| cached(gpu, cache, kv_heads, &raw[i]));
            let kernel = Attention {
                heads,
                kv_heads,
                out_stride,
                scale,
                sliding_window: self.sliding_window,
                cache,
                dtype: self.dtype,
                stats: false,
                shape,
            };
            let partials = kernel.partials(gpu, self.tokens).unwrap();
            let dispatches = kernel
                .dispatches(gpu, &query, [&k, &v], &out, &step, None, partials.as_ref())
                .unwrap();
            let got = run_stored(
                gpu,
                dispatches,
                self.tokens,
                &out,
                self.tokens * out_stride,
                self.dtype,
            );
            let got = unpadded(&got, q_width, out_stride);
            let what = format!(
                "{sizes:?}, {} tokens from position {}, window {:?}, {cache:?}, {shape:?}",
                self.tokens, self.position, self.sliding_window
            );
            assert_close(&got, &right, &wrong, self.tolerance, &what);
        }
    }
}

/// (position of the first token, tokens): prefill, decode, and a pass in the middle.
fn passes() -> impl Iterator<Item = (u32, u32)> {
    LENGTHS
        .into_iter()
        .flat_map(|n| [(0, n), (n - 1, 1), (n, 3)])
}

#[test]
fn attention() {
    let gpu = gpu();
    for (heads, kv_heads, head_dim) in [(9, 3, 64), (3, 1, 96), (2, 2, 4), (4, 2, 160), (2, 1, 10)]
    {
        for (position, tokens) in passes() {
            Case {
                heads,
                kv_heads,
                position,
                tokens,
                sliding_window: None,
                cache: CacheLayout {
                    head_dim,
                    rope_pairs: head_dim / 2,
                    dtype: KvDtype::F32,
                    store: StoreKind::Buffer,
                },
                dtype: Dtype::F32,
                tolerance: 1e-5,
            }
            .check(&gpu);
        }
    }
}

#[test]
fn attention_in_a_window() {
    let gpu = gpu();
    for sliding_window in [1, 32, 65, 1000] {
        for (position, tokens) in passes() {
            Case {
                heads: 4,
                kv_heads: 2,
                position,
                tokens,
                sliding_window: Some(sliding_window),
                cache: CacheLayout {
                    head_dim: 16,
                    // Only part of each head turns.
                    rope_pairs: 6,
                    dtype: KvDtype::F32,
                    store: StoreKind::Buffer,
                },
                dtype: Dtype::F32,
                tolerance: 1e-5,
            }
            .check(&gpu);
        }
    }
}

#[test]
fn attention_over_half_precision_keys_and_values() {
    let gpu = gpu();
    for (position, tokens) in [(0, 33), (256, 1)] {
        Case {
            heads: 3,
            kv_heads: 1,
            position,
            tokens,
            sliding_window: None,
            cache: CacheLayout {
                head_dim: 96,
                rope_pairs: 48,
                dtype: KvDtype::F16,
                store: StoreKind::Buffer,
            },
            dtype: Dtype::F16,
            tolerance: 1e-3,
        }
        .check(&gpu);
    }
}

/// 8 bits, and floats that are not those of the queries.
#[test]
fn attention_over_a_cache_in_other_numbers() {
    let gpu = gpu();
    let f32s = [KvDtype::Q8, KvDtype::F16].map(|kv| (Dtype::F32, kv, 1e-5));
    let f16s = [KvDtype::Q8, KvDtype::F32].map(|kv| (Dtype::F16, kv, 1e-3));
    for (dtype, kv_dtype, tolerance) in f32s.into_iter().chain(f16s) {
        let sizes = [
            (9, 3, 64, 32, None),
            (2, 2, 4, 0, None),
            (3, 1, 96, 12, Some(65)),
            (4, 2, 288, 144, Some(2)),
        ];
        // All of them where keys are in 8 bits, which the fewest kernels share.
        let most = if kv_dtype == KvDtype::Q8 && dtype == Dtype::F32 {
            4
        } else {
            2
        };
        for (heads, kv_heads, head_dim, rope_pairs, sliding_window) in sizes.into_iter().take(most)
        {
            for (position, tokens) in [(0, 33), (256, 1), (63, 3)] {
                Case {
                    heads,
                    kv_heads,
                    position,
                    tokens,
                    sliding_window,
                    cache: CacheLayout {
                        head_dim,
                        rope_pairs,
                        dtype: kv_dtype,
                        store: StoreKind::Buffer,
                    },
                    dtype,
                    tolerance,
                }
                .check(&gpu);
            }
        }
    }
}

/// Query heads that share keys and values, at the sizes of models: what real GPUs run.
#[test]
fn attention_of_groups() {
    let gpu = gpu();
    let floats = [
        (KvDtype::F32, Dtype::F32, 1e-5),
        (KvDtype::F16, Dtype::F16, 1e-3),
        (KvDtype::Q8, Dtype::F32, 1e-5),
    ];
    let mut turn = 0;
    // Each compiles two kernels, for seconds: every group and every size twice.
    for (group, head_dims) in [
        (1, [64, 256]),
        (3, [96, 128]),
        (4, [128, 64]),
        (8, [256, 96]),
    ] {
        for head_dim in head_dims {
            let (kv_dtype, dtype, tolerance) = floats[turn % 3];
            let cache = CacheLayout {
                head_dim,
                rope_pairs: head_dim / 2,
                dtype: kv_dtype,
                store: StoreKind::Buffer,
            };
            let window = [None, Some(65), None, Some(40)][turn / 3 % 4];
            turn += 1;
            for (position, tokens) in [(0, 40), (60, 9), (130, 1)] {
                let case = Case {
                    heads: 2 * group,
                    kv_heads: 2,
                    position,
                    tokens,
                    sliding_window: window,
                    cache,
                    dtype,
                    tolerance,
                };
                let shapes = [
                    shape(AttentionForm::Prompt, 1),
                    shape(AttentionForm::Token, 3),
                ];
                case.check_forms(&gpu, &shapes.map(|shape| (cache, shape)));
            }
        }
    }
}

/// The kernels of a real GPU.
#[test]
fn real_gpus_have_kernels_of_their_own() {
    let cache = CacheLayout {
        head_dim: 64,
        rope_pairs: 32,
        dtype: KvDtype::F32,
        store: StoreKind::Buffer,
    };
    let gpu = gpu().with_tier(Tier::Gpu);
    for (queries, form) in [
        (Queries::Prompt, AttentionForm::Prompt),
        (Queries::Short, AttentionForm::Token),
        (Queries::Any, AttentionForm::Token),
    ] {
        let chosen = AttentionShape::choose(&gpu, cache, 3, queries);
        assert_eq!(chosen.form, form);
        assert_eq!(chosen.splits > 1, queries == Queries::Any);
    }
}

/// The same bits with and without inspection, and alone or together with other tokens.
#[test]
fn company_changes_no_bits() {
    let gpu = gpu();
    let (heads, kv_heads, head_dim, tokens) = (6, 2, 16, 41);
    let layout = CacheLayout {
        head_dim,
        rope_pairs: 8,
        dtype: KvDtype::F32,
        store: StoreKind::Buffer,
    };
    let (position, width) = (100, heads * head_dim);
    let q = numbers(1, (tokens * width) as usize);
    let n = ((position + tokens) * kv_heads * head_dim) as usize;
    for (cache, shape) in forms_of_one(&gpu, layout) {
        let [k, v] = [2, 3].map(|seed| cached(&gpu, cache, kv_heads, &numbers(seed, n)));
        let run = |first: u32, tokens: u32, stats: bool, scale: f32| {
            let kernel = Attention {
                heads,
                kv_heads,
                out_stride: width,
                scale,
                sliding_window: Some(70),
                cache,
                dtype: Dtype::F32,
                stats,
                shape,
            };
            let at = (first * width) as usize;
            let q = &q[at..at + (tokens * width) as usize];
            let query = paired(&gpu, cache, Dtype::F32, q);
            let (out, step) = (
                zeros(&gpu, tokens * width),
                step(&gpu, position + first, tokens),
            );
            let kept = stats.then(|| zeros(&gpu, tokens * heads * 8));
            let partials = kernel.partials(&gpu, tokens).unwrap();
            let dispatches = kernel.dispatches(
                &gpu,
                &query,
                [&k, &v],
                &out,
                &step,
                kept.as_ref(),
                partials.as_ref(),
            );
            run::<u32>(&gpu, dispatches.unwrap(), tokens, &out, tokens * width)
        };
        let all = run(0, tokens, false, 0.3);
        assert_eq!(run(0, tokens, true, 0.3), all, "{shape:?}");
        for (first, count) in [(0, 1), (17, 1), (40, 1), (5, 20)] {
            let at = (first * width) as usize;
            let same = &all[at..at + (count * width) as usize];
            assert_eq!(run(first, count, false, 0.3), same, "{shape:?}");
        }
        // Control.
        assert_ne!(run(0, tokens, false, 0.300_001), all);
    }
}

/// Keys that fit one split give the same bits, whether splits are allowed or not.
#[test]
fn one_split_is_all_there_is() {
    let gpu = gpu();
    let (heads, kv_heads, head_dim, position) = (9, 3, 64, 150);
    let layout = CacheLayout {
        head_dim,
        rope_pairs: 32,
        dtype: KvDtype::F32,
        store: StoreKind::Buffer,
    };
    let n = (position + 1) * kv_heads * head_dim;
    let query = paired(
        &gpu,
        layout,
        Dtype::F32,
        &numbers(1, (heads * head_dim) as usize),
    );
    let (out, step) = (zeros(&gpu, heads * head_dim), step(&gpu, position, 1));
    for (cache, whole) in forms(&gpu, layout) {
        if whole.splits > 1 {
            continue;
        }
        let [k, v] = [2, 3].map(|seed| cached(&gpu, cache, kv_heads, &numbers(seed, n as usize)));
        let run = |shape: AttentionShape| {
            let kernel = Attention {
                heads,
                kv_heads,
                out_stride: heads * head_dim,
                scale: 0.3,
                sliding_window: None,
                cache,
                dtype: Dtype::F32,
                stats: false,
                shape,
            };
            let partials = kernel.partials(&gpu, 1).unwrap();
            let caches = [&k, &v];
            let dispatches =
                kernel.dispatches(&gpu, &query, caches, &out, &step, None, partials.as_ref());
            run::<u32>(&gpu, dispatches.unwrap(), 1, &out, heads * head_dim)
        };
        let cut = |least_pages: u32| AttentionShape {
            splits: 4,
            least_pages,
            ..whole
        };
        let right = run(whole);
        assert_eq!(run(cut(3)), right, "{whole:?}");
        // Control: three splits round in another way.
        assert_ne!(run(cut(1)), right, "{whole:?}");
    }
}
