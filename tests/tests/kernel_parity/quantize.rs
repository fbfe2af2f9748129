//! Quantising while loading against optimum-quanto (`tests/reference/make_quantized.py`).

use half::f16;
use safetensors::SafeTensors;
use vitrine_checkpoint::Quantize;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_kernels::packed::{TILE, TilePacker};
use vitrine_model::Storage;

use crate::support::{numbers, unpacked};

const QUANTIZED: &[u8] = include_bytes!("../../fixtures/quantized.safetensors");

struct Case {
    rows: usize,
    k: usize,
    weights: Vec<f32>,
    /// What quanto's numbers mean, with the scales as we store them.
    values: Vec<f32>,
}

fn case(name: &str) -> Case {
    let file = SafeTensors::deserialize(QUANTIZED).unwrap();
    let tensor = |part: &str| file.tensor(&format!("{name}.{part}")).unwrap();
    let floats = |part: &str| bytemuck::pod_collect_to_vec::<u8, f32>(tensor(part).data());
    let [rows, k] = tensor("weights").shape().try_into().unwrap();
    let scales = floats("scales");
    let group = rows * k / scales.len();
    let numbers = tensor("numbers").data().to_vec();
    let values = if name == "q8" {
        let signed = numbers.iter().map(|q| f32::from(*q as i8));
        signed
            .enumerate()
            .map(|(i, q)| scales[i / group] * q)
            .collect()
    } else {
        let minimums = floats("minimums");
        let half = |value: f32| f16::from_f32(value).to_f32();
        let dequantize = |(i, q): (usize, &u8)| {
            half(scales[i / group]) * f32::from(*q) + half(minimums[i / group])
        };
        numbers.iter().enumerate().map(dequantize).collect()
    };
    Case {
        rows,
        k,
        weights: floats("weights"),
        values,
    }
}

fn packed(quantize: Quantize, weights: &[f32], rows: usize, k: usize) -> Vec<f32> {
    let (rows, k) = (rows as u32, k as u32);
    let storage = Storage::new(GgmlType::F32, Some(quantize));
    let mut packer = TilePacker::new(storage.format(), k, rows.div_ceil(TILE));
    for (row, weights) in weights.chunks_exact(k as usize).enumerate() {
        storage.pack_row(bytemuck::cast_slice(weights), row, &mut packer);
    }
    unpacked(&packer, rows)
}

#[test]
fn quantized_as_quanto_does() {
    for (name, quantize) in Quantize::ALL {
        let Case {
            rows,
            k,
            mut weights,
            values,
        } = case(name);
        assert_eq!(packed(quantize, &weights, rows, k), values, "{name}");
        // Control: the largest weight of a row a little larger changes its scale.
        weights[0] = 0.1;
        assert_ne!(
            packed(quantize, &weights, rows, k),
            values,
            "{name}: the control"
        );
    }
}

/// The last group of a row has the remaining values.
#[test]
fn short_groups_have_their_own_scale() {
    for (name, quantize) in Quantize::ALL {
        for k in [1, 31, 33, 100, 128, 130, 257] {
            let weights = numbers(k as u64, 3 * k);
            let got = packed(quantize, &weights, 3, k);
            // Half a step: 2 / 15 / 2 or 1 / 127 / 2, and the rounding of the scales to halves.
            let step = if quantize == Quantize::Q8 {
                1.0 / 127.0
            } else {
                2.0 / 15.0
            };
            for (weight, got) in weights.iter().zip(&got) {
                let off = (weight - got).abs();
                assert!(off <= step * 0.51, "{name}, {k} weights: off by {off}");
            }
        }
    }
}

/// Rows of zeros, groups of equal weights, and weights that are no numbers or beyond all halves.
#[test]
fn odd_rows_stay_finite() {
    for (name, quantize) in Quantize::ALL {
        for value in [0.0, 0.25, -3.0, 65504.0] {
            let got = packed(quantize, &[value; 40], 1, 40);
            let close = |got: &f32| (got - value).abs() <= value.abs() * 1e-6;
            assert!(got.iter().all(close), "{name}, all {value}: {got:?}");
        }
        for odd in [1e38, -1e38, 1e-45, f32::NAN] {
            let mut weights = [1.0; 40];
            weights[7] = odd;
            let got = packed(quantize, &weights, 1, 40);
            assert!(
                got.iter().all(|got| got.is_finite()),
                "{name}, {odd}: {got:?}"
            );
        }
    }
}
