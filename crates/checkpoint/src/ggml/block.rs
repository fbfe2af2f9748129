use super::GgmlType;

/// An unpacked quantised block or super-block.
pub struct Block {
    /// The quants of each block of 32, before the zero point is subtracted.
    pub numbers: [[u8; 32]; 8],
    /// Scale and minimum, or the scales of both in a super-block, as bits of 16-bit floats; the second is
    /// 0 in types without minimums.
    pub halves: [u16; 2],
    /// For K-quants, the factors of each block of 32: see `TilePacker::put_factors` of the crate `vitrine-kernels`.
    pub factors: [u16; 8],
}

impl Block {
    /// Unpacks one block of a quantised type; `bytes` has the length of such a block.
    pub fn read(kind: GgmlType, bytes: &[u8]) -> Self {
        let mut this = Self {
            numbers: [[0; 32]; 8],
            halves: [0; 2],
            factors: [0; 8],
        };
        match kind {
            GgmlType::F32 | GgmlType::F16 | GgmlType::BF16 => {}
            GgmlType::Q4_0 => this.small(bytes, 1, 0),
            GgmlType::Q4_1 => this.small(bytes, 2, 0),
            GgmlType::Q5_0 => this.small(bytes, 1, 4),
            GgmlType::Q5_1 => this.small(bytes, 2, 4),
            GgmlType::Q8_0 => {
                this.halves[0] = half(bytes, 0);
                this.numbers[0].copy_from_slice(&bytes[2..]);
            }
            GgmlType::Q2K => this.q2_k(bytes),
            GgmlType::Q3K => this.q3_k(bytes),
            GgmlType::Q4K => this.q4_k(bytes, 0),
            GgmlType::Q5K => this.q4_k(bytes, 32),
            GgmlType::Q6K => this.q6_k(bytes),
        }
        this
    }

    /// Unpacks a block of 32 weights: `halves` 16-bit floats, then fifth bits, then nibbles.
    fn small(&mut self, bytes: &[u8], halves: usize, high_bytes: usize) {
        for (index, value) in self.halves[..halves].iter_mut().enumerate() {
            *value = half(bytes, 2 * index);
        }
        let (high, nibbles) = bytes[2 * halves..].split_at(high_bytes);
        for (l, byte) in nibbles.iter().enumerate() {
            self.numbers[0][l] = byte & 15;
            self.numbers[0][l + 16] = byte >> 4;
        }
        for (l, number) in self.numbers[0].iter_mut().enumerate().take(8 * high_bytes) {
            *number |= (high[l / 8] >> (l % 8) & 1) << 4;
        }
    }

    fn q2_k(&mut self, bytes: &[u8]) {
        let (scales, rest) = bytes.split_at(16);
        let (quants, halves) = rest.split_at(64);
        self.halves = [half(halves, 0), half(halves, 2)];
        for (b, numbers) in self.numbers.iter_mut().enumerate() {
            two_bits(quants, b, numbers);
            self.factors[b] = u16::from_le_bytes([scales[2 * b], scales[2 * b + 1]]);
        }
    }

    fn q3_k(&mut self, bytes: &[u8]) {
        let (high, rest) = bytes.split_at(32);
        let (quants, rest) = rest.split_at(64);
        let (scales, halves) = rest.split_at(12);
        self.halves[0] = half(halves, 0);
        let scale = |i: usize| {
            let low = scales[i % 8] >> (4 * (i / 8)) & 15;
            let high = scales[8 + i % 4] >> (2 * (i / 4)) & 3;
            (low | high << 4).wrapping_sub(32)
        };
        for (b, numbers) in self.numbers.iter_mut().enumerate() {
            two_bits(quants, b, numbers);
            for (number, high) in numbers.iter_mut().zip(high) {
                *number |= (high >> b & 1) << 2;
            }
            self.factors[b] = u16::from_le_bytes([scale(2 * b), scale(2 * b + 1)]);
        }
    }

    /// Unpacks Q4_K, or Q5_K, which has `high_bytes` bytes of fifth bits.
    fn q4_k(&mut self, bytes: &[u8], high_bytes: usize) {
        self.halves = [half(bytes, 0), half(bytes, 2)];
        let (scales, rest) = bytes[4..].split_at(12);
        let (high, quants) = rest.split_at(high_bytes);
        for (b, numbers) in self.numbers.iter_mut().enumerate() {
            let quants = &quants[b / 2 * 32..][..32];
            for (number, byte) in numbers.iter_mut().zip(quants) {
                *number = byte >> (4 * (b % 2)) & 15;
            }
            for (number, high) in numbers.iter_mut().zip(high) {
                *number |= (high >> b & 1) << 4;
            }
            let pair = if b < 4 {
                [scales[b] & 63, scales[b + 4] & 63]
            } else {
                let upper = |at: usize| scales[at] >> 2 & 0x30;
                [
                    scales[b + 4] & 15 | upper(b - 4),
                    scales[b + 4] >> 4 | upper(b),
                ]
            };
            self.factors[b] = u16::from_le_bytes(pair);
        }
    }

    fn q6_k(&mut self, bytes: &[u8]) {
        let (low, rest) = bytes.split_at(128);
        let (high, rest) = rest.split_at(64);
        let (scales, halves) = rest.split_at(16);
        self.halves[0] = half(halves, 0);
        for (b, numbers) in self.numbers.iter_mut().enumerate() {
            let low = &low[b / 4 * 64 + b % 2 * 32..][..32];
            let high = &high[b / 4 * 32..][..32];
            for ((number, low), high) in numbers.iter_mut().zip(low).zip(high) {
                let low = low >> (4 * (b / 2 % 2)) & 15;
                *number = low | (high >> (2 * (b % 4)) & 3) << 4;
            }
            self.factors[b] = u16::from_le_bytes([scales[2 * b], scales[2 * b + 1]]);
        }
    }
}

/// Unpacks one of four blocks of 32 that share 32 bytes, two bits each.
fn two_bits(quants: &[u8], block: usize, numbers: &mut [u8; 32]) {
    let quants = &quants[block / 4 * 32..][..32];
    for (number, byte) in numbers.iter_mut().zip(quants) {
        *number = byte >> (2 * (block % 4)) & 3;
    }
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}
