/// 32 values as signed bytes: llama.cpp's `block_q8_1`, with the scale as a 32-bit float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByteBlock {
    /// A value is `scale` times its number. Not finite where one of the values is not.
    pub scale: f32,
    /// From -127 to 127.
    pub numbers: [i8; 32],
}

/// `x` is one token's (n); the last block is filled up with zeros. Halves are rounded to even numbers.
#[must_use]
pub fn quantize_x(x: &[f32]) -> Vec<ByteBlock> {
    let blocks = x.chunks(32);
    blocks
        .map(|x| {
            // In this order a NaN is above all.
            let most = x.iter().map(|x| x.abs()).max_by(f32::total_cmp);
            let most = most.unwrap_or_default();
            let mut numbers = [0; 32];
            if most < 1e-30 {
                return ByteBlock {
                    scale: 0.0,
                    numbers,
                };
            }
            for (number, x) in numbers.iter_mut().zip(x) {
                *number = (x * (127.0 / most)).round_ties_even() as i8;
            }
            ByteBlock {
                scale: most / 127.0,
                numbers,
            }
        })
        .collect()
}

impl ByteBlock {
    /// What it holds.
    #[must_use]
    pub fn values(&self) -> [f32; 32] {
        self.numbers.map(|number| f32::from(number) * self.scale)
    }
}
