//! How fast each format is: the table of `docs/formats.md`.
//!
//! `cargo test --release -p vitrine-tests --test kernel_parity speed -- --ignored --nocapture`

use std::time::{Duration, Instant};

use vitrine_kernels::packed::TilePacker;
use vitrine_kernels::{Dtype, Format, Matmul, Tiling};
use vitrine_model::synthesize::{RandomBits, random_row};

use crate::support::{
    bound_x, buffer, device, matrix, numbers, packer, run, storages, uploaded, zeros,
};

const ROWS: u32 = 4096;
const K: u32 = 2048;
const TOKENS: u32 = 32;

#[test]
#[ignore = "measures; run it by itself"]
fn speed() {
    let gpu = device();
    println!(
        "{ROWS} × {K} on {}, million weights per second",
        gpu.description().name
    );
    println!(
        "{:12} {:>10} {:>10} {:>16}",
        "format", "bits", "decode", "prefill, per token"
    );
    let x = buffer(&gpu, &numbers(1, (TOKENS * K) as usize));
    let y = zeros(&gpu, TOKENS * ROWS);
    for format in Format::ALL {
        let mut packer = TilePacker::new(format, K, ROWS / 32);
        let mut random = RandomBits::new(1);
        for row in 0..ROWS {
            random_row(&mut random, row as usize, &mut packer);
        }
        let part = uploaded(&gpu, &packer, ROWS);
        let measure = |decode: bool| {
            let tokens = if decode { 1 } else { TOKENS };
            let tiling = Tiling::choose(&gpu, format, ROWS, K, tokens, Dtype::F32);
            let matmul = Matmul::plain(&part, tiling);
            let x = bound_x(&gpu, tiling, x.clone());
            let once = || {
                let dispatches =
                    [(); 2].map(|()| matmul.dispatch(&gpu, &part, &x, &y, None).unwrap());
                let start = Instant::now();
                run::<f32>(&gpu, dispatches, tokens, &y, 1);
                start.elapsed() / 2
            };
            // The first run compiles. The best of many is the least disturbed.
            once();
            let repeats = if decode { 60 } else { 8 };
            let best = (0..repeats).map(|_| once()).min().unwrap_or(Duration::MAX);
            f64::from(ROWS) * f64::from(K) * f64::from(tokens) / best.as_secs_f64() / 1e6
        };
        let (quants, scales) = format.tile_bytes(K);
        let bits = (quants + scales) as f64 * 8.0 / f64::from(32 * K);
        println!(
            "{:12} {bits:10.3} {:10.0} {:16.0}",
            format!("{format:?}"),
            measure(true),
            measure(false)
        );
    }
}

/// What loading costs on this side: rows of every type and quantisation into tiles.
#[test]
#[ignore = "measures; run it by itself"]
fn packing_speed() {
    const ROWS: u32 = 256;
    println!("million weights per second");
    for storage in storages() {
        let (bytes, _) = matrix(storage.on_disk, ROWS, K, 1);
        let once = || {
            let start = Instant::now();
            let packer = packer(storage, &bytes, ROWS, K);
            std::hint::black_box(&packer);
            start.elapsed()
        };
        let best = (0..20).map(|_| once()).min().unwrap_or(Duration::MAX);
        println!(
            "{:6} {:12} {:6.0}",
            storage.on_disk.name(),
            format!("{:?}", storage.format()),
            f64::from(ROWS) * f64::from(K) / best.as_secs_f64() / 1e6
        );
    }
}
