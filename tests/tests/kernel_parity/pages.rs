//! Rows of several sequences over a cache whose pages lie in any order.

use vitrine_checkpoint::KvDtype;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_gpu::StoreKind;
use vitrine_kernels::{
    AppendBuffers, Attention, CacheLayout, Dtype, Embed, PAGE, RopeKvAppend, Row, Table, cpu,
    stride,
};

use crate::attention::forms;
use crate::support::{
    assert_close, buffer, cache, cached, distance, gpu, matrix, numbers, packed, paged_step,
    paired, remembered, run, uncached, unpadded, zeros,
};

const HEADS: u32 = 4;
const KV_HEADS: u32 = 2;
const LAYOUT: CacheLayout = CacheLayout {
    head_dim: 16,
    rope_pairs: 6,
    dtype: KvDtype::F32,
    store: StoreKind::Buffer,
};
const IN_8_BITS: CacheLayout = CacheLayout {
    dtype: KvDtype::Q8,
    ..LAYOUT
};
const AS_TEXELS: CacheLayout = CacheLayout {
    store: StoreKind::StorageTexture,
    ..LAYOUT
};
const KV_WIDTH: u32 = KV_HEADS * LAYOUT.head_dim;

/// Pages of the cache.
const PAGES: u32 = 9;
/// Three sequences; the first two share page 4, the last is one page long.
const TABLES: [&[u32]; 3] = [&[4, 7, 0, 2], &[4, 1], &[8]];
/// (position, sequence) of each row, about the ends of pages.
const ROWS: [(u32, u32); 7] = [
    (255, 0),
    (63, 1),
    (64, 1),
    (5, 2),
    (0, 2),
    (200, 0),
    (100, 1),
];

fn tables() -> Vec<Vec<u32>> {
    TABLES.map(<[u32]>::to_vec).to_vec()
}

fn rows() -> Vec<Row> {
    let row = |&(position, sequence): &(u32, u32)| Row { position, sequence };
    ROWS.iter().map(row).collect()
}

/// The part of a paged cache that a sequence sees, in order.
fn gathered(cache: &[f32], table: &[u32], width: u32) -> Vec<f32> {
    let page = (PAGE * width) as usize;
    let pages = table.iter().map(|index| *index as usize * page);
    pages.flat_map(|at| cache[at..at + page].to_vec()).collect()
}

#[test]
fn attention_over_pages() {
    check_attention(LAYOUT);
    check_attention(IN_8_BITS);
}

fn check_attention(layout: CacheLayout) {
    let gpu = gpu();
    let width = HEADS * LAYOUT.head_dim;
    let q = numbers(1, (ROWS.len() as u32 * width) as usize);
    let raw = [2, 3].map(|seed| numbers(seed, (PAGES * PAGE * KV_WIDTH) as usize));
    let [k, v] = [0, 1].map(|i| remembered(layout, &raw[i]));
    let sizes = [HEADS, KV_HEADS, LAYOUT.head_dim].map(|size| size as usize);
    for sliding_window in [None, Some(1), Some(64), Some(70)] {
        let window = sliding_window.map_or(usize::MAX, |window| window as usize);
        let twin = |tables: &[Vec<u32>]| -> Vec<f32> {
            let rows = ROWS.iter().zip(q.chunks_exact(width as usize));
            let attended = rows.map(|(&(position, sequence), q)| {
                let table = &tables[sequence as usize];
                let [k, v] = [&k, &v].map(|cache| gathered(cache, table, KV_WIDTH));
                cpu::attention(q, &k, &v, sizes, position as usize, window, 0.5)
            });
            attended.flatten().collect()
        };
        let right = twin(&tables());
        // Control: the pages in another order.
        let wrong = twin(&[vec![7, 4, 2, 0], vec![1, 4], vec![3]]);
        let query = paired(&gpu, layout, Dtype::F32, &q);
        let n_tokens = ROWS.len() as u32;
        let out = zeros(&gpu, n_tokens * stride(width));
        let step = paged_step(&gpu, &rows(), &tables());
        for (layout, shape) in forms(&gpu, layout) {
            let [keys, values] = [0, 1].map(|i| cached(&gpu, layout, KV_HEADS, &raw[i]));
            let attention = Attention {
                heads: HEADS,
                kv_heads: KV_HEADS,
                out_stride: stride(width),
                scale: 0.5,
                sliding_window,
                cache: layout,
                dtype: Dtype::F32,
                stats: false,
                shape,
            };
            let partials = attention.partials(&gpu, n_tokens).unwrap();
            let caches = [&keys, &values];
            let dispatches = attention
                .dispatches(&gpu, &query, caches, &out, &step, None, partials.as_ref())
                .unwrap();
            let got = run::<f32>(&gpu, dispatches, n_tokens, &out, n_tokens * stride(width));
            let got = unpadded(&got, width, stride(width));
            let what = format!("{layout:?}, window {sliding_window:?}, {shape:?}");
            assert_close(&got, &right, &wrong, 1e-5, &what);
        }
    }
}

#[test]
fn keys_and_values_go_to_the_pages_of_their_sequence() {
    check_append(LAYOUT, 1e-5);
    // Half a byte of the largest.
    check_append(IN_8_BITS, 1.5 / 254.0);
    check_append(AS_TEXELS, 1e-5);
}

fn check_append(layout: CacheLayout, tolerance: f32) {
    let gpu = gpu();
    let qkv_stride = stride((HEADS + 2 * KV_HEADS) * LAYOUT.head_dim);
    let n_tokens = ROWS.len() as u32;
    let qkv = numbers(9, (n_tokens * qkv_stride) as usize);
    let inv_freq: Vec<f32> = (0..6).map(|i| 0.3f32.powi(i)).collect();
    let angles: Vec<[f32; 2]> = (0..256)
        .flat_map(|position| inv_freq.iter().map(move |freq| position as f32 * freq))
        .map(|angle: f32| [angle.cos(), angle.sin()])
        .collect();
    let [k_offset, v_offset] = [HEADS, HEADS + KV_HEADS].map(|heads| heads * LAYOUT.head_dim);
    // (keys, values) by the twin: where nothing is written, zeros remain.
    let twin = |tables: &[Vec<u32>]| -> [Vec<f32>; 2] {
        let mut caches = [(); 2].map(|()| vec![0.0; (PAGES * PAGE * KV_WIDTH) as usize]);
        for (&(position, sequence), row) in ROWS.iter().zip(qkv.chunks_exact(qkv_stride as usize)) {
            let page = tables[sequence as usize][(position / PAGE) as usize];
            let at = ((page * PAGE + position % PAGE) * KV_WIDTH) as usize;
            for (cache, offset) in caches.iter_mut().zip([k_offset, v_offset]) {
                let cache = &mut cache[at..at + KV_WIDTH as usize];
                cache.copy_from_slice(&row[offset as usize..][..KV_WIDTH as usize]);
            }
            let keys = caches[0][at..at + KV_WIDTH as usize].chunks_exact_mut(16);
            keys.for_each(|head| cpu::rotate(head, &inv_freq, position));
        }
        caches
    };
    let right = twin(&tables());
    let wrong = twin(&[vec![7, 4, 2, 0], vec![1, 4], vec![3]]);

    let (qkv, rope) = (buffer(&gpu, &qkv), buffer(&gpu, &angles));
    let query = zeros(&gpu, n_tokens * HEADS * LAYOUT.head_dim);
    let n = PAGES * PAGE * KV_WIDTH;
    let caches = [(); 2].map(|()| cache(&gpu, layout, PAGES * PAGE, KV_HEADS));
    let append = RopeKvAppend {
        heads: HEADS,
        kv_heads: KV_HEADS,
        qkv_stride,
        k_offset,
        v_offset,
        cache: layout,
        dtype: Dtype::F32,
        keep: false,
    };
    let step = paged_step(&gpu, &rows(), &tables());
    let [keys, values] = [&caches[0], &caches[1]];
    let to = AppendBuffers {
        rope: Some(&rope),
        query: &query,
        caches: [keys, values],
        step: &step,
        kept: None,
    };
    let dispatch = append.dispatch(&gpu, &qkv, to).unwrap();
    run::<f32>(&gpu, [dispatch], n_tokens, &query, 1);
    for (index, what) in [(0, "keys"), (1, "values")] {
        let got = uncached(&gpu, layout, KV_HEADS, &caches[index], n);
        assert_close(&got, &right[index], &wrong[index], tolerance, what);
    }
}

#[test]
fn tokens_and_positions_are_those_of_the_rows() {
    let gpu = gpu();
    let hidden = 32;
    let (bytes, table) = matrix(GgmlType::F16, 256, hidden, 4);
    let part = packed(&gpu, GgmlType::F16, &bytes, 256, hidden);
    let history: Vec<u32> = (0..PAGES * PAGE).map(|slot| slot * 37 % 256).collect();
    let ids: Vec<u32> = ROWS
        .iter()
        .map(|&(position, sequence)| {
            let page = TABLES[sequence as usize][(position / PAGE) as usize];
            history[(page * PAGE + position % PAGE) as usize]
        })
        .collect();
    let positions = ROWS.map(|(position, _)| position);
    let [tokens, places] = [&ids[..], &positions].map(|rows| cpu::embed(&table, 32, rows));
    let right: Vec<f32> = tokens.iter().zip(&places).map(|(a, b)| a + b).collect();

    let n_tokens = ROWS.len() as u32;
    let x = zeros(&gpu, n_tokens * hidden);
    let step = paged_step(&gpu, &rows(), &tables());
    let sources = [&step, &buffer(&gpu, &history)];
    let dispatches = [Table::Tokens { scale: 1.0 }, Table::Positions]
        .map(|table| Embed::dispatch(&gpu, &part, table, sources, &x, hidden, Dtype::F32).unwrap());
    let got = run::<f32>(&gpu, dispatches, n_tokens, &x, n_tokens * hidden);
    assert_close(&got, &right, &tokens, 1e-6, "rows");
    assert!(distance(&got, &places) > 1e-3);
}
