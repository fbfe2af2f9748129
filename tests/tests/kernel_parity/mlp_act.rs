use vitrine_checkpoint::Activation;
use vitrine_kernels::{Dtype, MlpAct, cpu, stride};

use crate::support::{LENGTHS, assert_close, buffer, gpu, numbers, padded, run, unpadded, zeros};

fn scaled(seed: u64, n: u32) -> Vec<f32> {
    numbers(seed, n as usize).iter().map(|x| x * 20.0).collect()
}

#[test]
fn mlp_act() {
    let gpu = gpu();
    for act in Activation::ALL {
        for (n, tokens) in LENGTHS.into_iter().zip([257, 1, 33, 2, 31]) {
            let (gate, up) = (scaled(1, n * tokens), scaled(2, n * tokens));
            let right = cpu::mlp_act(act, &gate, &up);
            let wrong = cpu::mlp_act(act, &up, &gate);

            let (gate, up) = (padded(&gate, n, stride(n)), padded(&up, n, stride(n)));
            let width = stride(n) as usize;
            let rows = gate.chunks_exact(width).zip(up.chunks_exact(width));
            let gate_up: Vec<f32> = rows.flat_map(|(gate, up)| [gate, up].concat()).collect();
            let (gate_up, y) = (buffer(&gpu, &gate_up), zeros(&gpu, tokens * stride(n)));
            let kernel = MlpAct {
                act,
                n,
                x_stride: 2 * stride(n),
                up_offset: Some(stride(n)),
                y_stride: stride(n),
                dtype: Dtype::F32,
            };
            let dispatch = kernel.dispatch(&gpu, &gate_up, &y).unwrap();
            let got = run::<f32>(&gpu, [dispatch], tokens, &y, tokens * stride(n));
            let got = unpadded(&got, n, stride(n));
            let what = format!("{act:?}, {tokens} × {n}");
            assert_close(&got, &right, &wrong, 2e-4, &what);
        }
    }
}

/// Without a gate, and precise enough to distinguish the two forms of GELU.
#[test]
fn mlp_act_without_a_gate() {
    let gpu = gpu();
    let n = 257;
    let x: Vec<f32> = numbers(3, n as usize).iter().map(|x| x * 5.0).collect();
    let ones = vec![1.0; n as usize];
    for (act, other) in [
        (Activation::Silu, Activation::Gelu),
        (Activation::Relu, Activation::Silu),
        (Activation::Gelu, Activation::GeluTanh),
        (Activation::GeluTanh, Activation::Gelu),
    ] {
        let right = cpu::mlp_act(act, &x, &ones);
        let wrong = cpu::mlp_act(other, &x, &ones);
        let (input, y) = (buffer(&gpu, &x), zeros(&gpu, n + 1));
        let kernel = MlpAct {
            act,
            n,
            x_stride: n + 1,
            up_offset: None,
            y_stride: n + 1,
            dtype: Dtype::F32,
        };
        let dispatch = kernel.dispatch(&gpu, &input, &y).unwrap();
        let got = run::<f32>(&gpu, [dispatch], 1, &y, n);
        assert_close(&got, &right, &wrong, 2e-6, &format!("{act:?}"));
    }
}
