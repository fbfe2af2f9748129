use vitrine_kernels::{SiluMul, cpu, stride};

use crate::support::{LENGTHS, assert_close, buffer, gpu, numbers, padded, run, unpadded, zeros};

#[test]
fn silu_mul() {
    let gpu = gpu();
    for n in LENGTHS {
        for tokens in LENGTHS {
            let scaled = |seed| -> Vec<f32> {
                numbers(seed, (n * tokens) as usize)
                    .iter()
                    .map(|x| x * 20.0)
                    .collect()
            };
            let (gate, up) = (scaled(1), scaled(2));
            let right = cpu::silu_mul(&gate, &up);
            let wrong = cpu::silu_mul(&up, &gate);

            let (gate, up) = (padded(&gate, n, stride(n)), padded(&up, n, stride(n)));
            let width = stride(n) as usize;
            let rows = gate.chunks_exact(width).zip(up.chunks_exact(width));
            let gate_up: Vec<f32> = rows.flat_map(|(gate, up)| [gate, up].concat()).collect();
            let (gate_up, y) = (buffer(&gpu, &gate_up), zeros(&gpu, tokens * stride(n)));
            let kernel = SiluMul {
                n,
                gate_up_stride: 2 * stride(n),
                up_offset: stride(n),
                y_stride: stride(n),
            };
            let dispatch = kernel.dispatch(&gpu, &gate_up, &y).unwrap();
            let got = run::<f32>(&gpu, [dispatch], tokens, &y, tokens * stride(n));
            let got = unpadded(&got, n, stride(n));
            assert_close(&got, &right, &wrong, 2e-4, &format!("{tokens} × {n}"));
        }
    }
}
