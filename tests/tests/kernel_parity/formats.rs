//! Number formats against the `gguf` Python package, bit for bit
//! (`tests/reference/make_formats.py`).

use safetensors::SafeTensors;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_gpu::Gpu;
use vitrine_kernels::packed::TilePacker;
use vitrine_kernels::{Dtype, Embed, Table};

use crate::support::{buffer, gpu, packer, run, step, textured_gpus, unpacked, uploaded, zeros};

const FORMATS: &[u8] = include_bytes!("../../fixtures/formats.safetensors");
const K: u32 = 512;

/// The bytes of a few rows, and what they mean. More rows than a tile has: the rows of the fixture
/// over and over, so that neighbours differ.
fn fixture(kind: GgmlType) -> (u32, Vec<u8>, Vec<f32>) {
    let file = SafeTensors::deserialize(FORMATS).unwrap();
    let tensor = |part: &str| file.tensor(&format!("{}.{part}", kind.name())).unwrap();
    let bytes = tensor("bytes").data().repeat(8);
    let values = bytemuck::pod_collect_to_vec(&tensor("values").data().repeat(8));
    (values.len() as u32 / K, bytes, values)
}

/// The bits of floats, where -0 and 0 are one: a product with zero and a sum that is zero differ
/// in nothing else.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| (value + 0.0).to_bits()).collect()
}

fn embedded(gpu: &Gpu, packer: &TilePacker, rows: u32) -> Vec<f32> {
    let part = uploaded(gpu, packer, rows);
    let ids: Vec<u32> = (0..rows).collect();
    let (ids, x) = (buffer(gpu, &ids), zeros(gpu, rows * K));
    let table = Table::Tokens { scale: 1.0 };
    let sources = [&step(gpu, 0, rows), &ids];
    let dispatch = Embed::dispatch(gpu, &part, table, sources, &x, K, Dtype::F32).unwrap();
    run(gpu, [dispatch], rows, &x, rows * K)
}

#[test]
fn dequantized_as_gguf_does() {
    for kind in GgmlType::all() {
        let (_, mut bytes, values) = fixture(kind);
        let exact = |bytes: &[u8]| {
            let ours = kind.dequantize(bytes);
            ours.iter()
                .map(|value| value.to_bits())
                .eq(values.iter().map(|value| value.to_bits()))
        };
        assert!(exact(&bytes), "{}", kind.name());
        // Control: one bit of one quant.
        let at = bytes.len() / 2 + 20;
        bytes[at] ^= 1;
        assert!(!exact(&bytes), "{}: the control", kind.name());
    }
}

fn check_packed(gpu: &Gpu) {
    for kind in GgmlType::all() {
        let (rows, mut bytes, values) = fixture(kind);
        let right = bits(&values);
        let packed = packer(kind.into(), &bytes, rows, K);
        assert_eq!(
            bits(&unpacked(&packed, rows)),
            right,
            "{} on the CPU",
            kind.name()
        );
        assert_eq!(
            bits(&embedded(gpu, &packed, rows)),
            right,
            "{} on the GPU",
            kind.name()
        );

        let at = bytes.len() / 2 + 20;
        bytes[at] ^= 1;
        let packed = packer(kind.into(), &bytes, rows, K);
        assert_ne!(
            bits(&unpacked(&packed, rows)),
            right,
            "{}: the control",
            kind.name()
        );
        assert_ne!(
            bits(&embedded(gpu, &packed, rows)),
            right,
            "{}: the control",
            kind.name()
        );
    }
}

#[test]
fn packed_without_loss() {
    check_packed(&gpu());
    for gpu in textured_gpus() {
        check_packed(&gpu);
    }
}
