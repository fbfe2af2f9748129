//! Random weights have the magnitude that they promise, in every format.

use vitrine_kernels::Format;
use vitrine_kernels::packed::{TILE, TilePacker};
use vitrine_model::synthesize::{RandomBits, random_row};

use crate::support::unpacked;

fn random_rows(format: Format, k: u32, seed: u64) -> Vec<f32> {
    let mut packer = TilePacker::new(format, k, 1);
    let mut random = RandomBits::new(seed);
    for row in 0..TILE {
        random_row(&mut random, row as usize, &mut packer);
    }
    unpacked(&packer, TILE)
}

#[test]
fn random_weights_are_of_sane_magnitude() {
    for format in Format::ALL {
        for k in [512, 200] {
            let values = random_rows(format, k, 1);
            let mean = |f: &dyn Fn(f32) -> f32| {
                values.iter().map(|v| f(*v)).sum::<f32>() / values.len() as f32
            };
            let deviation = mean(&|v| v * v).sqrt() * (k as f32).sqrt();
            let mean = mean(&|v| v) * (k as f32).sqrt();
            assert!(
                (0.9..1.1).contains(&deviation),
                "{format:?}, {k} wide: {deviation}"
            );
            assert!(mean.abs() < 0.2, "{format:?}, {k} wide: mean {mean}");
            assert_eq!(
                values,
                random_rows(format, k, 1),
                "{format:?}: not reproducible"
            );
            assert_ne!(values, random_rows(format, k, 2), "{format:?}: the control");
        }
    }
}
