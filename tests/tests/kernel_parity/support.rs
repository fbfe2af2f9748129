//! Shared by the parity tests: data, buffers, and the comparison.

use bytemuck::Pod;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_checkpoint::{KvDtype, Quantize};
use vitrine_gpu::{
    AdapterSelector, Buffer, Dispatch, Gpu, Recording, Store, StoreKind, Tier, Usage,
};
use vitrine_kernels::packed::{TILE, TilePacker};
use vitrine_kernels::software::{MatmulTiling, SHARED_LANES, XBinding};
use vitrine_kernels::{
    CacheLayout, Dtype, Format, MAX_ROWS, PAGE, PackedPart, Row, Step, Tiling, cpu,
};
use vitrine_model::Storage;

/// Lengths around the sizes of blocks, tiles and workgroups.
pub const LENGTHS: [u32; 5] = [1, 2, 31, 33, 257];

/// The device of this machine; tests fail without one.
pub fn device() -> Gpu {
    pollster::block_on(Gpu::request(&AdapterSelector::Best)).unwrap()
}

/// A device with the kernels of a real GPU, whatever it is.
pub fn gpu() -> Gpu {
    device().with_tier(Tier::Gpu)
}

/// Software adapters whose kernels read weights from textures, of either kind.
pub fn textured_gpus() -> [Gpu; 2] {
    [StoreKind::SampledTexture, StoreKind::StorageTexture]
        .map(|kind| device().with_tier(tier_of(kind)))
}

/// The tier whose kernels read weights from this kind of store, with the vectors of this device.
fn tier_of(store: StoreKind) -> Tier {
    let vector = device().caps().subgroup_size.unwrap_or(8);
    Tier::Software { store, vector }
}

/// Tilings of a real GPU.
pub fn vec(slices: u32, tokens: u32) -> Tiling {
    Tiling::Vec { slices, tokens }
}

/// Tilings of a software adapter.
pub fn software(gpu: &Gpu, lanes: u32, rows: u32, tokens: u32, x: XKind) -> Tiling {
    Tiling::Software(MatmulTiling {
        lanes,
        rows,
        group_rows: MatmulTiling::group_rows(gpu.tier().weight_store(), rows),
        tokens,
        x: match x {
            XKind::Uniform => XBinding::Uniform,
            XKind::Texels => XBinding::Texels(gpu.tier().weight_store()),
        },
        shared_x: false,
    })
}

/// How software adapters read x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum XKind {
    Uniform,
    Texels,
}

/// Whether all of x is in one uniform: no more tokens than those of a lane are computed.
pub fn is_uniform(tiling: Tiling) -> bool {
    matches!(tiling, Tiling::Software(tiling) if tiling.x == XBinding::Uniform)
}

/// x as a tiling wants it: itself, or a copy in a texture.
pub fn bound_x(gpu: &Gpu, tiling: Tiling, x: Buffer) -> Store {
    if !tiling.takes_texels() {
        return x.into();
    }
    let texels = gpu
        .store("x", x.size(), gpu.tier().weight_store(), Usage::Input)
        .unwrap();
    let mut copy = Recording::default();
    copy.copy_rows(&x, &texels, x.size());
    gpu.submit(1, [&copy]);
    texels
}

/// The tiling, and where this device has subgroups that fit: its lanes share x.
pub fn variants(gpu: &Gpu, tiling: Tiling) -> Vec<Tiling> {
    let mut all = vec![tiling];
    if let Tiling::Software(mut tiling) = tiling {
        tiling.shared_x =
            SHARED_LANES.contains(&tiling.lanes) && gpu.caps().subgroup_size == Some(tiling.lanes);
        all.extend(tiling.shared_x.then_some(Tiling::Software(tiling)));
    }
    all
}

/// Reproducible numbers between -1 and 1.
pub fn numbers(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// A buffer with these contents.
pub fn buffer<T: Pod>(gpu: &Gpu, values: &[T]) -> Buffer {
    let bytes: &[u8] = bytemuck::cast_slice(values);
    let buffer = gpu.buffer("test", bytes.len() as u64, Usage::Work).unwrap();
    gpu.write(&buffer, 0, bytes);
    buffer
}

/// A buffer of zeros for `n` floats.
pub fn zeros(gpu: &Gpu, n: u32) -> Buffer {
    buffer(gpu, &vec![0f32; n as usize])
}

/// A pass of one sequence, whose pages lie in order.
pub fn step(gpu: &Gpu, position: u32, n_tokens: u32) -> Buffer {
    let rows: Vec<Row> = (position..position + n_tokens)
        .map(|position| Row {
            position,
            sequence: 0,
        })
        .collect();
    let pages: Vec<u32> = (0..=(position + n_tokens) / PAGE).collect();
    paged_step(gpu, &rows, &[pages])
}

/// A pass of these rows, with the page table of each sequence.
pub fn paged_step(gpu: &Gpu, rows: &[Row], tables: &[Vec<u32>]) -> Buffer {
    let page_stride = tables.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let bytes = Step::bytes(tables.len() as u32, page_stride);
    let step = gpu.buffer("step", bytes, Usage::Work).unwrap();
    let n_tokens = rows.len() as u32;
    assert!(n_tokens <= MAX_ROWS);
    let head = Step {
        n_tokens,
        page_stride,
    };
    gpu.write(&step, 0, bytemuck::bytes_of(&head));
    gpu.write(&step, Step::ROWS_AT, bytemuck::cast_slice(rows));
    for (sequence, table) in (0..).zip(tables) {
        let at = Step::page_at(sequence, page_stride, 0);
        gpu.write(&step, at, bytemuck::cast_slice(table));
    }
    step
}

/// Runs dispatches for `n_tokens` tokens, and reads the first `n` values of a buffer.
pub fn run<T: Pod>(
    gpu: &Gpu,
    dispatches: impl IntoIterator<Item = Dispatch>,
    n_tokens: u32,
    result: &Buffer,
    n: u32,
) -> Vec<T> {
    let mut recording = Recording::default();
    for dispatch in dispatches {
        recording.dispatch(dispatch);
    }
    let bytes = u64::from(n) * size_of::<T>() as u64;
    let readback = gpu.submit_and_read(n_tokens, [&recording], &[(result, bytes)]);
    bytemuck::pod_collect_to_vec(&pollster::block_on(readback.bytes()).unwrap())
}

/// Rows of `width` values, each padded to `stride`.
pub fn padded(values: &[f32], width: u32, stride: u32) -> Vec<f32> {
    let mut out = Vec::new();
    for row in values.chunks_exact(width as usize) {
        out.extend_from_slice(row);
        out.resize(out.len() + (stride - width) as usize, 0.0);
    }
    out
}

/// The first `width` of every `stride` values.
pub fn unpadded(values: &[f32], width: u32, stride: u32) -> Vec<f32> {
    values
        .chunks_exact(stride as usize)
        .flat_map(|row| &row[..width as usize])
        .copied()
        .collect()
}

/// A buffer with these numbers in this format.
pub fn stored(gpu: &Gpu, dtype: Dtype, values: &[f32]) -> Buffer {
    match dtype {
        Dtype::F32 => buffer(gpu, values),
        Dtype::F16 => {
            let halves: Vec<half::f16> = values.iter().map(|x| half::f16::from_f32(*x)).collect();
            buffer(gpu, &halves)
        }
    }
}

/// As [`run`], for a buffer of `n` numbers in this format.
pub fn run_stored(
    gpu: &Gpu,
    dispatches: impl IntoIterator<Item = Dispatch>,
    n_tokens: u32,
    result: &Buffer,
    n: u32,
    dtype: Dtype,
) -> Vec<f32> {
    match dtype {
        Dtype::F32 => run(gpu, dispatches, n_tokens, result, n),
        Dtype::F16 => run::<half::f16>(gpu, dispatches, n_tokens, result, n)
            .iter()
            .map(|x| x.to_f32())
            .collect(),
    }
}

/// Heads, (…, head_dim), in the order of the cache.
fn in_pairs(layout: CacheLayout, values: &[f32]) -> Vec<f32> {
    values
        .chunks_exact(layout.head_dim as usize)
        .flat_map(|head| {
            (0..layout.head_dim / 2).flat_map(|i| layout.pair_dims(i).map(|dim| head[dim as usize]))
        })
        .collect()
}

/// Queries, keys or values, (…, head_dim), as pairs.
pub fn paired(gpu: &Gpu, layout: CacheLayout, dtype: Dtype, values: &[f32]) -> Buffer {
    stored(gpu, dtype, &in_pairs(layout, values))
}

/// The first `n` of them back, (…, head_dim).
pub fn unpaired(gpu: &Gpu, layout: CacheLayout, dtype: Dtype, pairs: &Buffer, n: u32) -> Vec<f32> {
    out_of_pairs(layout, &run_stored(gpu, [], 0, pairs, n, dtype))
}

/// An empty cache for this many positions.
pub fn cache(gpu: &Gpu, layout: CacheLayout, slots: u32, kv_heads: u32) -> Store {
    layout
        .cache(gpu, "cache", slots.next_multiple_of(PAGE).into(), kv_heads)
        .unwrap()
}

/// Keys or values, (slots, kv_heads, head_dim), as a cache has them.
pub fn cached(gpu: &Gpu, layout: CacheLayout, kv_heads: u32, values: &[f32]) -> Store {
    let values = by_page(layout, kv_heads, values);
    let buffer = in_storage(gpu, layout, &values);
    if !layout.is_texels() {
        return buffer.into();
    }
    let heads = values.len() as u32 / layout.head_dim;
    let cache = cache(gpu, layout, heads / kv_heads, kv_heads);
    copy(gpu, &buffer.clone().into(), &cache, buffer.size());
    cache
}

/// In a page the positions of a head are contiguous; the last page is padded.
fn by_page(layout: CacheLayout, kv_heads: u32, values: &[f32]) -> Vec<f32> {
    let width = (kv_heads * layout.head_dim) as usize;
    let mut values = values.to_vec();
    values.resize(values.len().next_multiple_of(PAGE as usize * width), 0.0);
    let pages = values.chunks_exact(PAGE as usize * width);
    pages
        .flat_map(|page| turned(page, PAGE, kv_heads))
        .collect()
}

/// Heads, (outer, inner, head_dim), as (inner, outer, head_dim).
fn turned(heads: &[f32], outer: u32, inner: u32) -> Vec<f32> {
    let head_dim = heads.len() / (outer * inner) as usize;
    let head = |place: u32| &heads[place as usize * head_dim..][..head_dim];
    (0..inner)
        .flat_map(|i| (0..outer).flat_map(move |o| head(o * inner + i)))
        .copied()
        .collect()
}

/// The first bytes of one become those of the other.
fn copy(gpu: &Gpu, from: &Store, to: &Store, bytes: u64) {
    let mut recording = Recording::default();
    recording.copy(from, 0, to, 0, bytes);
    gpu.submit(0, [&recording]);
}

fn in_storage(gpu: &Gpu, layout: CacheLayout, values: &[f32]) -> Buffer {
    match layout.dtype {
        KvDtype::F32 => paired(gpu, layout, Dtype::F32, values),
        KvDtype::F16 => paired(gpu, layout, Dtype::F16, values),
        KvDtype::Q8 => {
            let mut bytes: Vec<u8> = Vec::new();
            for head in in_pairs(layout, values).chunks_exact(layout.head_dim as usize) {
                let (quants, scale) = cpu::quantize_head(head);
                bytes.extend(bytemuck::cast_slice::<i8, u8>(&quants));
                bytes.extend(scale.to_le_bytes());
            }
            buffer(gpu, &bytes)
        }
    }
}

/// The first `n` of them back, (slots, kv_heads, head_dim).
pub fn uncached(gpu: &Gpu, layout: CacheLayout, kv_heads: u32, cache: &Store, n: u32) -> Vec<f32> {
    let page = PAGE * kv_heads * layout.head_dim;
    let by_page = uncached_pages(gpu, layout, cache, n.next_multiple_of(page));
    let pages = by_page.chunks_exact(page as usize);
    let mut values: Vec<f32> = pages
        .flat_map(|page| turned(page, kv_heads, PAGE))
        .collect();
    values.truncate(n as usize);
    values
}

fn uncached_pages(gpu: &Gpu, layout: CacheLayout, cache: &Store, n: u32) -> Vec<f32> {
    let bytes = u64::from(n / layout.head_dim * layout.head_words()) * 4;
    let buffer = gpu.buffer("copy", bytes, Usage::Work).unwrap();
    let storage = Store::Buffer(buffer.clone());
    copy(gpu, cache, &storage, bytes);
    let cache = &buffer;
    match layout.dtype {
        KvDtype::F32 => unpaired(gpu, layout, Dtype::F32, cache, n),
        KvDtype::F16 => unpaired(gpu, layout, Dtype::F16, cache, n),
        KvDtype::Q8 => {
            let words = n / layout.head_dim * layout.head_words();
            let words = run::<[u8; 4]>(gpu, [], 0, cache, words);
            let heads = words.chunks_exact(layout.head_words() as usize);
            let values: Vec<f32> = heads
                .flat_map(|head| {
                    let (quants, scale) = head.split_at(head.len() - 1);
                    let quants: &[i8] = bytemuck::cast_slice(quants);
                    cpu::dequantize_head(quants, f32::from_le_bytes(scale[0]))
                })
                .collect();
            out_of_pairs(layout, &values)
        }
    }
}

/// Keys or values, (…, head_dim), as the twin stores them in a cache.
pub fn remembered(layout: CacheLayout, values: &[f32]) -> Vec<f32> {
    let of_head = |head: &[f32]| match layout.dtype {
        KvDtype::F32 => head.to_vec(),
        KvDtype::F16 => head
            .iter()
            .map(|x| half::f16::from_f32(*x).to_f32())
            .collect(),
        KvDtype::Q8 => {
            let (quants, scale) = cpu::quantize_head(head);
            cpu::dequantize_head(&quants, scale)
        }
    };
    let heads = values.chunks_exact(layout.head_dim as usize);
    heads.flat_map(of_head).collect()
}

/// Heads back in the order of their dimensions.
fn out_of_pairs(layout: CacheLayout, pairs: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; pairs.len()];
    let heads = pairs.chunks_exact(layout.head_dim as usize);
    for (pairs, out) in heads.zip(out.chunks_exact_mut(layout.head_dim as usize)) {
        for (i, pair) in (0..).zip(pairs.chunks_exact(2)) {
            for (dim, value) in layout.pair_dims(i).into_iter().zip(pair) {
                out[dim as usize] = *value;
            }
        }
    }
    out
}

/// The largest difference.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// `got` equals the twin's `right` up to rounding, and differs from `wrong`.
pub fn assert_close(got: &[f32], right: &[f32], wrong: &[f32], tolerance: f32, what: &str) {
    let off = distance(got, right);
    assert!(off <= tolerance, "{what}: off by {off}");
    assert!(
        got.iter().all(|value| value.is_finite()),
        "{what}: not finite"
    );
    let control = distance(got, wrong);
    assert!(
        control > tolerance,
        "{what}: the control is only {control} off"
    );
}

/// A random matrix in a file's format: its bytes and what they mean.
pub fn matrix(kind: GgmlType, rows: u32, k: u32, seed: u64) -> (Vec<u8>, Vec<f32>) {
    let (weights, block_bytes) = kind.block();
    let blocks = (u64::from(rows) * u64::from(k) / weights) as usize;
    let random = numbers(seed, blocks * block_bytes as usize);
    // Where blocks have their scales and minimums.
    let halves: &[usize] = match kind {
        GgmlType::F32 | GgmlType::F16 | GgmlType::BF16 => &[],
        GgmlType::Q4_0 | GgmlType::Q5_0 | GgmlType::Q8_0 => &[0],
        GgmlType::Q4_1 | GgmlType::Q5_1 | GgmlType::Q4K | GgmlType::Q5K => &[0, 2],
        GgmlType::Q2K => &[80, 82],
        GgmlType::Q3K => &[108],
        GgmlType::Q6K => &[208],
    };
    // K-quants multiply them by small factors.
    let magnitude = if weights == 256 { 0.003 } else { 0.1 };
    let mut bytes = Vec::new();
    for random in random.chunks_exact(block_bytes as usize) {
        let first = bytes.len();
        match kind {
            GgmlType::F32 => bytes.extend(random[0].to_le_bytes()),
            GgmlType::F16 => bytes.extend(half::f16::from_f32(random[0] * 0.1).to_le_bytes()),
            GgmlType::BF16 => bytes.extend(half::bf16::from_f32(random[0] * 0.1).to_le_bytes()),
            _ => bytes.extend(random.iter().map(|x| (x * 128.0) as i8 as u8)),
        }
        for &at in halves {
            let half = half::f16::from_f32(random[at] * magnitude).to_le_bytes();
            bytes[first + at..first + at + 2].copy_from_slice(&half);
        }
    }
    let values = kind.dequantize(&bytes);
    (bytes, values)
}

/// Packs rows as they are on disk, as the model does.
pub fn packer(storage: Storage, bytes: &[u8], rows: u32, k: u32) -> TilePacker {
    let mut packer = TilePacker::new(storage.format(), k, rows.div_ceil(TILE));
    let row_bytes = storage.row_bytes(u64::from(k)) as usize;
    for (row, bytes) in bytes.chunks_exact(row_bytes).enumerate() {
        storage.pack_row(bytes, row, &mut packer);
    }
    packer
}

/// What packed rows mean, by the twin.
pub fn unpacked(packer: &TilePacker, rows: u32) -> Vec<f32> {
    let (quants, scales) = (&packer.quants, &packer.scales);
    (0..rows)
        .flat_map(|row| cpu::unpack_row(packer.format(), packer.k(), quants, scales, row))
        .collect()
}

/// Uploads packed rows: the first tile separately, so that the others begin anywhere in a texture's row.
pub fn uploaded(gpu: &Gpu, packer: &TilePacker, rows: u32) -> PackedPart {
    let rows = 0..rows.next_multiple_of(TILE);
    let part = PackedPart::new(gpu, "test", packer.format(), packer.k(), rows).unwrap();
    let (quants, scales) = packer.format().tile_bytes(packer.k());
    let (first, rest) = packer.quants.split_at(quants as usize / 4);
    let (first_scales, other_scales) = packer.scales.split_at(scales as usize / 4);
    part.write(gpu, 0, first, first_scales);
    part.write(gpu, 1, rest, other_scales);
    part
}

/// Packs and uploads a matrix.
pub fn packed(gpu: &Gpu, kind: GgmlType, bytes: &[u8], rows: u32, k: u32) -> PackedPart {
    uploaded(gpu, &packer(kind.into(), bytes, rows, k), rows)
}

/// A format under test: its name, a random matrix of it on the GPU, and the dequantised values.
pub struct Sample {
    pub name: String,
    pub part: PackedPart,
    pub values: Vec<f32>,
}

/// Everything that the GPU can store: every type of files, and every quantisation while loading.
pub fn storages() -> Vec<Storage> {
    let kept = GgmlType::all().map(Storage::from);
    let quantized = Quantize::ALL.map(|(_, quantize)| Storage::new(GgmlType::F32, Some(quantize)));
    kept.chain(quantized).collect()
}

/// Row lengths that a storage allows: several for one with blocks and one without, and the longest for the others,
/// since each is a compilation.
pub fn lengths(storage: Storage) -> Vec<u32> {
    let mut all = all_lengths(storage);
    let is_thorough = [GgmlType::F32, GgmlType::Q4_1]
        .map(Storage::from)
        .contains(&storage);
    if !is_thorough {
        all.drain(..all.len() - 1);
    }
    all
}

fn all_lengths(storage: Storage) -> Vec<u32> {
    match (storage.on_disk.block().0, storage.format()) {
        (1, Format::Q8Row | Format::Q4 | Format::Q4Group128) => vec![1, 33, 128, 257],
        (1, _) => LENGTHS.to_vec(),
        (32, _) => vec![32, 96, 288],
        _ => vec![256, 768],
    }
}

/// A random matrix of a storage.
pub fn sample(gpu: &Gpu, storage: Storage, rows: u32, k: u32, seed: u64) -> Sample {
    let (bytes, values) = matrix(storage.on_disk, rows, k, seed);
    let packer = packer(storage, &bytes, rows, k);
    let same = storage.format() == Storage::from(storage.on_disk).format();
    Sample {
        name: format!("{} as {:?}", storage.on_disk.name(), storage.format()),
        part: uploaded(gpu, &packer, rows),
        // Repacked weights have the values that they have on disk.
        values: if same {
            values
        } else {
            unpacked(&packer, rows)
        },
    }
}
