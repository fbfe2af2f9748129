use vitrine_gpu::Gpu;
use vitrine_kernels::{RopeKvAppend, cpu, rope_table, stride};

use crate::support::{LENGTHS, assert_close, buffer, gpu, numbers, run, step, zeros};

struct Case {
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    tokens: u32,
    position: u32,
}

impl Case {
    fn stride(&self) -> u32 {
        stride((self.heads + 2 * self.kv_heads) * self.head_dim)
    }

    /// (queries, keys, values) by the twin, densely; keys and values from position 0 on.
    fn twin(&self, qkv: &[f32], inv_freq: &[f32], position: u32) -> [Vec<f32>; 3] {
        let width = |heads: u32| (heads * self.head_dim) as usize;
        let before = vec![0.0; width(self.kv_heads) * self.position as usize];
        let (mut q, mut k, mut v) = (Vec::new(), before.clone(), before);
        for (token, row) in (0..).zip(qkv.chunks_exact(self.stride() as usize)) {
            let mut row = row.to_vec();
            let (rotated, rest) = row.split_at_mut(width(self.heads + self.kv_heads));
            for head in rotated.chunks_exact_mut(self.head_dim as usize) {
                cpu::rotate(head, inv_freq, position + token);
            }
            q.extend(&rotated[..width(self.heads)]);
            k.extend(&rotated[width(self.heads)..]);
            v.extend(&rest[..width(self.kv_heads)]);
        }
        [q, k, v]
    }

    fn run(&self, gpu: &Gpu, qkv: &[f32], inv_freq: &[f32]) -> [Vec<f32>; 3] {
        let positions = self.position + self.tokens;
        let kv = positions * self.kv_heads * self.head_dim;
        let qkv = buffer(gpu, qkv);
        let rope = buffer(gpu, &rope_table(inv_freq, positions));
        let (keys, values) = (zeros(gpu, kv), zeros(gpu, kv));
        let step = step(gpu, self.position, self.tokens);
        let kernel = RopeKvAppend {
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
            qkv_stride: self.stride(),
            k_offset: self.heads * self.head_dim,
            v_offset: (self.heads + self.kv_heads) * self.head_dim,
        };
        let dispatch = kernel
            .dispatch(gpu, &qkv, &rope, &keys, &values, &step)
            .unwrap();
        let q = run::<f32>(
            gpu,
            [dispatch],
            self.tokens,
            &qkv,
            self.tokens * self.stride(),
        );
        let q_width = (self.heads * self.head_dim) as usize;
        let q = q
            .chunks_exact(self.stride() as usize)
            .flat_map(|row| &row[..q_width]);
        [
            q.copied().collect(),
            run::<f32>(gpu, [], 0, &keys, kv),
            run::<f32>(gpu, [], 0, &values, kv),
        ]
    }
}

#[test]
fn rope_kv_append() {
    let gpu = gpu();
    for (heads, kv_heads, head_dim) in [(9, 3, 64), (3, 1, 96), (1, 1, 4), (5, 5, 20)] {
        for tokens in LENGTHS {
            let case = Case {
                heads,
                kv_heads,
                head_dim,
                tokens,
                position: 31,
            };
            let qkv = numbers(9, (case.stride() * tokens) as usize);
            let inv_freq: Vec<f32> = (0..head_dim / 2)
                .map(|i| 10_000f32.powf(-((2 * i) as f32) / head_dim as f32))
                .collect();
            let got = case.run(&gpu, &qkv, &inv_freq);
            let right = case.twin(&qkv, &inv_freq, 31);
            let wrong = case.twin(&qkv, &inv_freq, 32);
            let what = format!("{heads} heads over {kv_heads} of {head_dim}, {tokens} tokens");
            assert_close(&got[0], &right[0], &wrong[0], 1e-5, &format!("{what}: q"));
            assert_close(&got[1], &right[1], &wrong[1], 1e-5, &format!("{what}: k"));
            // Values are not rotated; the keys are what they must not be.
            assert_close(&got[2], &right[2], &right[1], 0.0, &format!("{what}: v"));
        }
    }
}
