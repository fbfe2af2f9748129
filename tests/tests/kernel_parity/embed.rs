use vitrine_gpu::Gpu;
use vitrine_kernels::{Dtype, Embed, Table, cpu, stride};

use crate::support::{
    LENGTHS, Sample, assert_close, buffer, gpu, lengths, matrix, numbers, packed, run, sample,
    step, storages, textured_gpus, unpadded, zeros,
};

const TOKENS: Table = Table::Tokens { scale: 1.0 };

fn check(gpu: &Gpu) {
    for storage in storages() {
        for hidden in lengths(storage) {
            for tokens in LENGTHS {
                let vocab = 61;
                let Sample { name, part, values } = sample(gpu, storage, vocab, hidden, 7);
                let ids: Vec<u32> = (0..tokens).map(|i| (i * 17 + 3) % vocab).collect();
                let right = cpu::embed(&values, hidden as usize, &ids);
                let other: Vec<u32> = ids.iter().map(|id| (id + 1) % vocab).collect();
                let wrong = cpu::embed(&values, hidden as usize, &other);

                let (history, x) = (buffer(gpu, &ids), zeros(gpu, tokens * stride(hidden)));
                let step = step(gpu, 0, tokens);
                let dispatch = Embed::dispatch(
                    gpu,
                    &part,
                    TOKENS,
                    [&step, &history],
                    &x,
                    stride(hidden),
                    Dtype::F32,
                )
                .unwrap();
                let got = run::<f32>(gpu, [dispatch], tokens, &x, tokens * stride(hidden));
                let what = format!("{name} {hidden} wide, {tokens} tokens");
                for row in got.chunks_exact(stride(hidden) as usize) {
                    let padding = &row[hidden as usize..];
                    assert!(padding.iter().all(|x| *x == 0.0), "{what}: the padding");
                }
                let got = unpadded(&got, hidden, stride(hidden));
                assert_close(&got, &right, &wrong, 1e-6, &what);
            }
        }
    }
}

#[test]
fn embed() {
    check(&gpu());
}

#[test]
fn embed_from_textures() {
    for gpu in textured_gpus() {
        check(&gpu);
    }
}

/// A table that comes in two parts: each part writes the tokens that it has, and no others.
#[test]
fn embed_in_parts() {
    let gpu = gpu();
    let kind = vitrine_checkpoint::ggml::GgmlType::Q8_0;
    let (bytes, table) = matrix(kind, 64, 32, 8);
    let half = bytes.len() / 2;
    let first = packed(&gpu, kind, &bytes[..half], 32, 32);
    let mut second = packed(&gpu, kind, &bytes[half..], 32, 32);
    second.row_start = 32;
    let ids = [0, 63, 31, 32];
    // The pass is at the positions 1 … 4.
    let (history, x) = (buffer(&gpu, &[9, 0, 63, 31, 32]), zeros(&gpu, 4 * 32));
    let rows = [&step(&gpu, 1, 4), &history];
    let dispatches = [&first, &second]
        .map(|part| Embed::dispatch(&gpu, part, TOKENS, rows, &x, 32, Dtype::F32).unwrap());
    let got = run::<f32>(&gpu, dispatches, 4, &x, 4 * 32);
    let right = cpu::embed(&table, 32, &ids);
    let wrong = cpu::embed(&table, 32, &[0, 31, 31, 0]);
    assert_close(&got, &right, &wrong, 1e-6, "two parts");
}

/// Gemma's factor on the embedding, and GPT-2's positions on top of it.
#[test]
fn embed_scaled_and_with_positions() {
    let gpu = gpu();
    let kind = vitrine_checkpoint::ggml::GgmlType::F16;
    let (hidden, tokens, position) = (40, 5, 30);
    let (bytes, table) = matrix(kind, 64, hidden, 9);
    // In two parts, of which the pass needs both.
    let half = bytes.len() / 2;
    let first = packed(&gpu, kind, &bytes[..half], 32, hidden);
    let mut second = packed(&gpu, kind, &bytes[half..], 32, hidden);
    second.row_start = 32;
    let before = numbers(3, (tokens * stride(hidden)) as usize);
    let ids = [1, 63, 31, 32, 7];
    let history: Vec<u32> = (0..position).chain(ids).collect();
    let history = buffer(&gpu, &history);
    let (step, x) = (step(&gpu, position, tokens), buffer(&gpu, &before));
    let dispatches = [&first, &second].map(|part| {
        Embed::dispatch(
            &gpu,
            part,
            Table::Positions,
            [&step, &history],
            &x,
            stride(hidden),
            Dtype::F32,
        )
        .unwrap()
    });
    let got = run::<f32>(&gpu, dispatches, tokens, &x, tokens * stride(hidden));
    let before = unpadded(&before, hidden, stride(hidden));
    let rows: Vec<u32> = (position..position + tokens).collect();
    let added = cpu::embed(&table, hidden as usize, &rows);
    let right: Vec<f32> = before.iter().zip(&added).map(|(x, row)| x + row).collect();
    assert_close(
        &unpadded(&got, hidden, stride(hidden)),
        &right,
        &before,
        1e-6,
        "positions",
    );

    let scaled = Table::Tokens { scale: 6.5 };
    let dispatches = [&first, &second].map(|part| {
        Embed::dispatch(
            &gpu,
            part,
            scaled,
            [&step, &history],
            &x,
            stride(hidden),
            Dtype::F32,
        )
        .unwrap()
    });
    let got = run::<f32>(&gpu, dispatches, tokens, &x, tokens * stride(hidden));
    let plain = cpu::embed(&table, hidden as usize, &ids);
    let right: Vec<f32> = plain.iter().map(|x| x * 6.5).collect();
    assert_close(
        &unpadded(&got, hidden, stride(hidden)),
        &right,
        &plain,
        1e-6,
        "scaled",
    );
}
