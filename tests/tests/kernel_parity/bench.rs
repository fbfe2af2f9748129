//! Speed of each kernel, by timestamps, compared with its CPU twin on the same work: operations and to read is
//! counted as the twin does it.
//!
//! `cargo test --release -p vitrine-tests --test kernel_parity kernels_and_their_twins -- --ignored
//! --nocapture`

use std::hint::black_box;
use std::time::Instant;

use pollster::block_on;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_checkpoint::{Activation, KvDtype};
use vitrine_gpu::{Detail, Dispatch, Extent, Gpu, Recording, StoreKind};
use vitrine_kernels::{
    Argmax, Attention, AttentionShape, Bests, CacheLayout, Dtype, Format, LayerNorm, LogitStats,
    LogitStatsOf, Matmul, MlpAct, Queries, RmsNorm, RowNorms, Strongest, Tiling, TopK, cpu,
};

use crate::support::{
    bound_x, buffer, cached, device, matrix, numbers, packed, paired, step, zeros,
};

/// The sizes of SmolLM2-135M.
const HIDDEN: u32 = 576;
const INTERMEDIATE: u32 = 1536;
const HEADS: u32 = 9;
const KV_HEADS: u32 = 3;
const HEAD_DIM: u32 = 64;
const VOCAB: u32 = 49152;

const ROUNDS: u32 = 12;

/// The work of a kernel.
struct Work {
    operations: u64,
    /// Read and written, each once.
    bytes: u64,
}

struct Bench {
    gpu: Gpu,
}

impl Bench {
    /// One line of the table; the best of some rounds counts for both.
    fn line<T>(
        &self,
        name: &str,
        work: &Work,
        n_tokens: u32,
        dispatches: impl IntoIterator<Item = Dispatch>,
        twin: impl Fn() -> T,
    ) {
        let mut recording = Recording::default();
        for dispatch in dispatches {
            recording.dispatch(dispatch);
        }
        let any = zeros(&self.gpu, 4);
        let timer = self.gpu.timer(Detail::Kernels).unwrap().unwrap();
        let on_gpu = (0..=ROUNDS).map(|_| {
            let (readback, spans) =
                self.gpu
                    .submit_and_read_timed(n_tokens, [&recording], &[(&any, 16)], &timer);
            let bytes = block_on(readback.bytes()).unwrap();
            let spans = spans.spans(&bytes[16..]);
            spans.iter().map(|span| span.seconds).sum::<f64>()
        });
        // The first run compiles.
        let on_gpu = on_gpu.skip(1).fold(f64::MAX, f64::min);
        let on_host = (0..3).map(|_| {
            let start = Instant::now();
            black_box(twin());
            start.elapsed().as_secs_f64()
        });
        let on_host = on_host.fold(f64::MAX, f64::min);
        println!(
            "{name:<38}{:>10.3} ms{:>10.3} ms{:>8.1} ×{:>9.2} GFLOP/s{:>8.2} GB/s",
            on_gpu * 1e3,
            on_host * 1e3,
            on_host / on_gpu,
            work.operations as f64 / on_gpu / 1e9,
            work.bytes as f64 / on_gpu / 1e9,
        );
    }

    /// A kernel over rows: operations per value, which is read and written.
    fn rows<T>(
        &self,
        name: &str,
        operations: u64,
        n: u32,
        rows: u32,
        dispatch: Dispatch,
        twin: impl Fn() -> T,
    ) {
        let numbers = u64::from(n) * u64::from(rows);
        let work = Work {
            operations: operations * numbers,
            bytes: 8 * numbers,
        };
        let name = format!("{name}, {rows} × {n}");
        self.line(&name, &work, rows, [dispatch], twin);
    }

    fn matmul(&self, rows: u32, k: u32, tokens: u32) {
        let gpu = &self.gpu;
        let (bytes, w) = matrix(GgmlType::Q4_1, rows, k, 1);
        let part = packed(gpu, GgmlType::Q4_1, &bytes, rows, k);
        let x = numbers(2, (tokens * k) as usize);
        let space = tokens.next_multiple_of(64);
        let (x_buffer, y) = (zeros(gpu, space * k), zeros(gpu, space * rows));
        gpu.write(&x_buffer, 0, bytemuck::cast_slice(&x));
        let tiling = Tiling::choose(gpu, Format::Q4, rows, k, tokens, Dtype::F32);
        let kernel = Matmul::plain(&part, tiling);
        let x_store = bound_x(gpu, tiling, x_buffer);
        let dispatch = kernel.dispatch(gpu, &part, &x_store, &y, None).unwrap();
        let (weights, columns) = (u64::from(rows) * u64::from(k), u64::from(tokens));
        let (quants, scales) = Format::Q4.tile_bytes(k);
        let work = Work {
            operations: 2 * weights * columns,
            bytes: u64::from(rows / 32) * (quants + scales) + 4 * columns * u64::from(k + rows),
        };
        let name = format!("matmul Q4, {rows} × {k} by {tokens}");
        let twin = || cpu::matmul(&w, &x, k as usize);
        self.line(&name, &work, tokens, [dispatch], twin);
    }

    fn attention(&self, position: u32, tokens: u32) {
        let gpu = &self.gpu;
        let cache = CacheLayout {
            head_dim: HEAD_DIM,
            rope_pairs: HEAD_DIM / 2,
            dtype: KvDtype::F32,
            store: StoreKind::Buffer,
        }
        .placed(gpu);
        let positions = position + tokens;
        let (q_width, kv_width) = (HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM);
        let q = numbers(1, (tokens * q_width) as usize);
        let [k, v] = [2, 3].map(|seed| numbers(seed, (positions * kv_width) as usize));
        let query = paired(gpu, cache, Dtype::F32, &q);
        let [keys, values] = [&k, &v].map(|all| cached(gpu, cache, KV_HEADS, all));
        let queries = match tokens {
            1 => Queries::Any,
            _ => Queries::Prompt,
        };
        let kernel = Attention {
            heads: HEADS,
            kv_heads: KV_HEADS,
            out_stride: q_width,
            scale: 0.125,
            sliding_window: None,
            cache,
            dtype: Dtype::F32,
            stats: false,
            shape: AttentionShape::choose(gpu, cache, KV_HEADS, queries),
        };
        let (out, step) = (zeros(gpu, tokens * q_width), step(gpu, position, tokens));
        let partials = kernel.partials(gpu, tokens).unwrap();
        let caches = [&keys, &values];
        let dispatches = kernel
            .dispatches(gpu, &query, caches, &out, &step, None, partials.as_ref())
            .unwrap();
        let seen: u64 = (0..tokens).map(|t| u64::from(position + t + 1)).sum();
        let work = Work {
            operations: 4 * seen * u64::from(q_width),
            bytes: 4 * u64::from(2 * positions * kv_width + 2 * tokens * q_width),
        };
        let sizes = [HEADS, KV_HEADS, HEAD_DIM].map(|size| size as usize);
        let twin = || cpu::attention(&q, &k, &v, sizes, position as usize, usize::MAX, 0.125);
        let name = format!("attention, {tokens} after {position}");
        self.line(&name, &work, tokens, dispatches, twin);
    }
}

#[test]
#[ignore = "measures; run it by itself"]
fn kernels_and_their_twins() {
    let bench = Bench { gpu: device() };
    let gpu = &bench.gpu;
    println!(
        "{:<38}{:>13}{:>13}  on {}",
        "kernel",
        "GPU",
        "CPU twin",
        gpu.description().name
    );
    for (rows, k) in [(960, HIDDEN), (3072, HIDDEN), (HIDDEN, INTERMEDIATE)] {
        bench.matmul(rows, k, 1);
        bench.matmul(rows, k, 64);
    }
    for (position, tokens) in [(16, 1), (511, 1), (2047, 1), (0, 128)] {
        bench.attention(position, tokens);
    }
    let rows = 128;
    let x = numbers(4, (rows * 2 * INTERMEDIATE) as usize);
    let (input, y) = (buffer(gpu, &x), zeros(gpu, rows * INTERMEDIATE));
    let factors = numbers(5, HIDDEN as usize);
    let weight = buffer(gpu, &factors);
    let hidden = &x[..(rows * HIDDEN) as usize];
    let pass = step(gpu, 0, rows);
    let kernel = RmsNorm {
        n: HIDDEN,
        eps: 1e-5,
        last_row: false,
        dtype: Dtype::F32,
        add: false,
        keep: false,
    };
    let dispatch = kernel
        .dispatch(gpu, &input, &weight, &y, &pass, None)
        .unwrap();
    let twin = || cpu::rms_norm(hidden, &factors, 1e-5);
    bench.rows("rms_norm", 4, HIDDEN, rows, dispatch, twin);
    let kernel = LayerNorm {
        n: HIDDEN,
        eps: 1e-5,
        last_row: false,
        dtype: Dtype::F32,
        keep: false,
    };
    let both = [&weight, &weight];
    let dispatch = kernel.dispatch(gpu, &input, both, &y, &pass, None).unwrap();
    let twin = || cpu::layer_norm(hidden, &factors, &factors, 1e-5);
    bench.rows("layer_norm", 7, HIDDEN, rows, dispatch, twin);
    let kernel = MlpAct {
        act: Activation::Silu,
        n: INTERMEDIATE,
        x_stride: 2 * INTERMEDIATE,
        up_offset: Some(INTERMEDIATE),
        y_stride: INTERMEDIATE,
        dtype: Dtype::F32,
    };
    let dispatch = kernel.dispatch(gpu, &input, &y).unwrap();
    let (gate, up) = x.split_at((rows * INTERMEDIATE) as usize);
    let twin = || cpu::mlp_act(Activation::Silu, gate, up);
    bench.rows("mlp_act", 5, INTERMEDIATE, rows, dispatch, twin);
    let kernel = RowNorms {
        n: HIDDEN,
        per_block: 1,
        block_stride: HIDDEN,
        rows: 61,
        lanes: gpu.tier().row_invocations(),
        differences: false,
        dtype: Dtype::F32,
    };
    let dispatch = kernel.dispatch(gpu, &input, &y).unwrap();
    let twin = || cpu::row_norms(&x[..(61 * HIDDEN) as usize], HIDDEN as usize);
    bench.rows("row_norms", 2, HIDDEN, 61, dispatch, twin);
    let kernel = Strongest {
        n: INTERMEDIATE,
        row_stride: INTERMEDIATE,
        rows: 30,
        k: 8,
        lanes: gpu.tier().row_invocations(),
        dtype: Dtype::F32,
    };
    let dispatch = kernel.dispatch(gpu, &input, &y).unwrap();
    let neurons = x.chunks_exact(INTERMEDIATE as usize).take(30);
    let twin = || {
        neurons
            .clone()
            .map(|row| cpu::strongest(row, 8))
            .collect::<Vec<_>>()
    };
    bench.rows("strongest 8", 1, INTERMEDIATE, 30, dispatch, twin);
    choices(&bench);
}

/// Kernels that read all logits.
fn choices(bench: &Bench) {
    let gpu = &bench.gpu;
    let values: Vec<f32> = numbers(6, VOCAB as usize)
        .iter()
        .map(|x| x * 20.0)
        .collect();
    let (logits, one) = (buffer(gpu, &values), Extent::Fixed(1));
    let bests = Bests::new(gpu, VOCAB, 1).unwrap();
    let argmax = Argmax {
        n: VOCAB,
        stride: VOCAB,
        lanes: gpu.tier().row_invocations(),
    };
    let chosen = zeros(gpu, 4);
    let dispatches = [
        argmax.scan(gpu, &logits, &bests, one).unwrap(),
        argmax.choose(gpu, &bests, &chosen, None, one).unwrap(),
    ];
    let work = |operations: u64| Work {
        operations: operations * u64::from(VOCAB),
        bytes: 4 * u64::from(VOCAB),
    };
    let twin = || cpu::argmax(&values);
    bench.line("argmax and logsumexp, 49152", &work(3), 1, dispatches, twin);
    let top_k = TopK {
        n: VOCAB,
        stride: VOCAB,
        k: 64,
    };
    let (dispatch, _) = top_k.dispatch(gpu, &logits, &bests, one, 1).unwrap();
    let twin = || cpu::top_k(&values, 64);
    bench.line("top_k 64 of 49152", &work(1), 1, [dispatch], twin);
    let stats = zeros(gpu, size_of::<LogitStats>() as u32 / 4);
    let kernel = LogitStatsOf {
        n: VOCAB,
        lanes: gpu.tier().row_invocations(),
    };
    let dispatches = kernel.dispatches(gpu, &chosen, &logits, &stats).unwrap();
    let twin = || cpu::logit_stats(&values);
    bench.line("logit_stats, 49152", &work(5), 1, dispatches, twin);
}
