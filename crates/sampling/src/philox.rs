//! A stateless generator: every draw can be repeated from the seed and the position.

/// Philox 4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
#[must_use]
pub fn philox(mut counter: [u32; 4], [mut key_0, mut key_1]: [u32; 2]) -> [u32; 4] {
    let multiply = |a: u32, b: u32| {
        let product = u64::from(a) * u64::from(b);
        ((product >> 32) as u32, product as u32)
    };
    for _ in 0..10 {
        let (high_0, low_0) = multiply(0xD251_1F53, counter[0]);
        let (high_1, low_1) = multiply(0xCD9E_8D57, counter[2]);
        counter = [
            high_1 ^ counter[1] ^ key_0,
            low_1,
            high_0 ^ counter[3] ^ key_1,
            low_0,
        ];
        key_0 = key_0.wrapping_add(0x9E37_79B9);
        key_1 = key_1.wrapping_add(0xBB67_AE85);
    }
    counter
}

/// The random word for the token at `position`; divided by 2³² it is the point u.
#[must_use]
pub fn draw_word(seed: u64, position: u32) -> u32 {
    philox([position, 0, 0, 0], [seed as u32, (seed >> 32) as u32])[0]
}

#[cfg(test)]
mod tests {
    use super::philox;

    /// The known answers of the authors' library, Random123.
    #[test]
    fn philox_gives_the_known_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }
}
